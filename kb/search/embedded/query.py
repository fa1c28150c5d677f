"""A plan → tantivy's query."""

import re
from collections.abc import Collection

import tantivy

from kb.search import plan
from kb.search.plan import TIE, All, Beginning, Best, Every, Mistyped, Plan, Term

Occur = tantivy.Occur
FieldType = tantivy.FieldType
Query = tantivy.Query
FEW_VALUES = 32
WITH_FREQUENCY = ("title", "tags", "body", "files")


class Builder:
    """Builds the queries of one schema."""

    def __init__(self, schema: tantivy.Schema) -> None:
        self.schema = schema

    def build(self, wanted: Plan) -> tantivy.Query:
        """The whole query."""
        needed = [(Occur.Should, self._way(q)) for q in wanted.needed]
        must = Query.boolean_query(needed, minimum_number_should_match=wanted.enough)
        clauses = [(Occur.Must, must), (Occur.Must, self._any("acl", wanted.principals))]
        if wanted.kinds:
            clauses.append((Occur.Must, self._any("kind", wanted.kinds)))
        clauses += [(Occur.Should, self._way(q)) for q in wanted.helping]
        return Query.boolean_query(clauses)

    def listed(self, wanted: Plan, *, most: int | None, among: Collection[int]) -> tantivy.Query:
        """The same, of those that have a place no greater than `most`, or one of `among`; nothing is scored."""
        clauses = [(Occur.Must, self.build(wanted))]
        if among:
            clauses.append((Occur.Must, Query.term_set_query(self.schema, "place", list(among))))
        else:
            clauses.append((Occur.Must, Query.range_query(self.schema, "place", FieldType.Unsigned, 1, most)))
        return Query.const_score_query(Query.boolean_query(clauses), 0.0)

    def _any(self, field: str, values: Collection[str]) -> tantivy.Query:
        """A filter: takes part in the choice, not in the score.

        Of few values each is a list that is leapt through beside the words; a set is first read to its end, and “all that
        the province may see” is a million long.
        """
        if len(values) > FEW_VALUES:
            return Query.const_score_query(Query.term_set_query(self.schema, field, list(values)), 0.0)
        terms = [Query.term_query(self.schema, field, value, index_option="basic") for value in values]
        some = terms[0] if len(terms) == 1 else Query.boolean_query([(Occur.Should, term) for term in terms])
        return Query.const_score_query(some, 0.0)

    def _way(self, way: plan.Way) -> tantivy.Query:
        match way:
            case Best(ways):
                return Query.disjunction_max_query([self._way(w) for w in ways], tie_breaker=TIE)
            case Term(field, word, boost):
                return Query.boost_query(self._plain(field, word), boost)
            case Every(field, words, boost):
                every = Query.boolean_query([(Occur.Must, self._plain(field, word)) for word in words])
                return Query.const_score_query(every, boost)
            case All(ways, boost):
                every = Query.boolean_query([(Occur.Must, self._way(w)) for w in ways])
                return Query.boost_query(every, boost)
            case Beginning(field, text, boost):
                return Query.const_score_query(Query.regex_query(self.schema, field, re.escape(text) + ".*"), boost)
            case Mistyped(field, word, boost):
                return Query.boost_query(Query.fuzzy_term_query(self.schema, field, word, distance=1), boost)

    def _plain(self, field: str, word: str) -> tantivy.Query:
        option = "freq" if field in WITH_FREQUENCY else "basic"
        return Query.term_query(self.schema, field, word, index_option=option)
