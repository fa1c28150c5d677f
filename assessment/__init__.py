"""Figures that open the records they were computed from. So far: the overview of a head or leader."""
