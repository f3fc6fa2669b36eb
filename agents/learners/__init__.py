"""Learners: rollouts, losses, the adapter to Stable-Baselines3, and the policy-gradient algorithm."""
