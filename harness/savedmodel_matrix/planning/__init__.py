"""From a definition (TOML) to a plan (types)."""
