"""From pixels to levels and from levels to the published study's groups."""
