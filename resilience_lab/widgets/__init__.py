"""Interactive views on the shipped policies, for JupyterLab."""
