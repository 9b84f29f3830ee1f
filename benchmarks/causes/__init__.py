"""``bench -- causes``: failures planted in real environments, and the causes and fixes that the matrix finds.

``planted.py`` says what is planted, ``models.py`` makes the models, ``code/`` holds the cases' own Python
code, and ``main.py`` runs and counts.
"""
