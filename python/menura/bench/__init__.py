"""The throughput harness behind `menura bench`.

Every provider is checked against the reference before it is timed; providers take turns in one process; a sample that
other load disturbed is dropped, by a rule that does not see the time; a figure is a row of a CSV, from which every
table and picture is drawn.
"""
