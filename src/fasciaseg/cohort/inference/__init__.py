"""Statistical tests, chosen by rule: numbers in, a named test with its effect out."""
