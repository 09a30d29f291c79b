"""Share what a purchase costs among its members, and say whether any group would do better alone.

`games` says what each group of members would pay by itself, and `groups` counts the groups.
`rules` holds the rules that are formulas; `shapley` averages over every order in which members may
join; `nucleolus` makes the least contented group as content as can be, by the exact linear programs
of `balance`. `core` looks for groups that would rather buy alone, and `shares` rounds and tells.

Costs and shares are fractions of minor units throughout. They are rounded once, at the end, by
largest remainder, so that what the members pay always sums to the cost. Members are taken in the
order of their ids, whatever the order in which they are given.
"""
