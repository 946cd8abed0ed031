"""From records to scores with confidence intervals."""
