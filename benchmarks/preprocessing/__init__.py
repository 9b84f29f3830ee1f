"""Diagnoses of preprocessing, checked against differences planted with real libraries."""
