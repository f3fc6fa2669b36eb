"""What is computed from runs: scores, the saliency benchmark, hard against soft, statistics."""
