"""Drawing: canvas, panels, plots, video, pages, windows. Knows arrays; knows no worlds and no agents."""
