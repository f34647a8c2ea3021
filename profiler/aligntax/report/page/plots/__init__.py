"""Plots for pages: drawn by matplotlib as SVG, coloured by the page, readable on a phone."""
