"""What keeps an alert quiet: silences by people, inhibition by other alerts (A-04), and what is told once that ends (M-06).

`matching` is the pure core. `seam.settle` is the one place at which intake asks; `turning` asks again when a silence or a
rule begins, ends or changes.
"""
