"""How agents learn: one actor, learners, losses, checkpoints, evaluation."""
