"""The plots of the experiment's page: drawn by matplotlib as SVG, coloured by the page, readable on a phone."""
