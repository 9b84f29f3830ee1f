"""Diagnoses of preprocessing, held against differences that were planted with real libraries."""
