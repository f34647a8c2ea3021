"""Reports for people: each module renders the plain data of an `aligntax.Report` for one medium."""
