"""Drawing: canvas, text, panels, plots, videos, pages, windows. Knows arrays; knows no worlds and no agents.

OpenCV and Matplotlib are imported inside the functions that use them: a training that draws nothing loads neither.
"""
