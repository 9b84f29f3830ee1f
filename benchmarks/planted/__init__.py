"""Known changes of SavedModels and of their inputs, which verdicts must tell from noise."""
