"""``train.py sweep CONFIG.yaml``: many settings of one training, by grid, random or Bayesian search."""
