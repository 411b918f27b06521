"""Fractures of the vertebral bodies: marrow edema and lost height, body by body."""
