"""``evaluate.py play ENV``: a person plays, in a window: what is seen, the keys, the score beside the agents'."""
