"""The panels of the page: each shows, in a browser, what one module of `foveate.cli.serve` computes."""
