"""What becomes of an evaluated lot: who wins it, who may object, and what each member gets.

`award` says what an award is, `lines` gives members their parts, `deciding` names winners,
`splitting` reads them off a chosen scenario, `course` leads an award from its proposal to its end,
`protests` hears vendors that object, `withdrawing` takes awards back, `answers` asks the members of
group pricing, and `telling` writes the events.
"""
