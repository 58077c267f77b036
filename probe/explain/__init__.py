"""What a message or code that a user saw means: tables of what is known, recognition, and what an audit says to it.

The tables are the `about_*` modules, rows of `explanation.Explanation` with the causes they share in `causes`.
`answering.explain` finds the rows for a text (`matching`, `numbers_in`), `target` weighs their causes by a result, and
`described` makes the JSON of it.
"""
