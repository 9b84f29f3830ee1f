"""Known changes in SavedModels and their inputs, which verdicts must distinguish from noise."""
