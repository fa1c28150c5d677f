"""A question → tantivy's query."""

import enum
import re
from collections.abc import Collection

import tantivy

from kb.search import ranking
from kb.search.analysis import Concept, Question

Occur = tantivy.Occur
Query = tantivy.Query
FIELDS = (("title", ranking.TITLE), ("tags", ranking.TAGS), ("body", ranking.BODY))
TIE = 0.2
"""What a second field that has the word adds: some, so that title and body beat the title alone."""


class Pass(enum.Enum):
    """How strictly a question is taken; tried in this order until something is found."""

    STRICT = "every significant word as written, or a synonym"
    LOOSE = "every significant word, also mistyped"
    PARTLY = "most significant words, also mistyped"


class Builder:
    """Builds the queries of one schema."""

    def __init__(self, schema: tantivy.Schema) -> None:
        self.schema = schema

    def build(
        self, question: Question, how: Pass, *, principals: Collection[str], kinds: Collection[str], share: float
    ) -> tantivy.Query:
        """The whole query with its access list; a viewer without principals finds nothing."""
        loose = how is not Pass.STRICT
        needed = [self._concept(c, loose=loose) for c in question.needed]
        enough = ranking.minimum(len(needed), share) if how is Pass.PARTLY else len(needed)
        wanted = Query.boolean_query([(Occur.Should, q) for q in needed], minimum_number_should_match=enough)
        clauses = [(Occur.Must, wanted), (Occur.Must, self._any("acl", principals))]
        if kinds:
            clauses.append((Occur.Must, self._any("kind", kinds)))
        clauses += [(Occur.Should, self._concept(c, loose=False)) for c in question.helping]
        return Query.boolean_query(clauses)

    def _any(self, field: str, values: Collection[str]) -> tantivy.Query:
        """A filter: takes part in the choice, not in the score."""
        return Query.const_score_query(Query.term_set_query(self.schema, field, sorted(values)), 0.0)

    def _concept(self, concept: Concept, *, loose: bool) -> tantivy.Query:
        ways = [self._word(word, 1.0) for word in concept.exact]
        ways += [self._word(word, ranking.ALIKE) for word in concept.alike]
        ways += [self._term("sounds", sound, ranking.SOUNDS) for sound in concept.typed_sounds]
        if concept.code:
            ways.append(Query.const_score_query(self._plain("codes", concept.code), ranking.CODES))
        if concept.prefix:
            ways += self._beginning(concept)
        if loose:
            ways += self._loose(concept)
        return Query.disjunction_max_query(ways, tie_breaker=TIE)

    def _beginning(self, concept: Concept) -> list[tantivy.Query]:
        pattern = re.escape(concept.word) + ".*"
        places = [*FIELDS[:2]]
        places += [("codes", ranking.TAGS)] if concept.code else []
        places += [("sounds", 1.0)] if concept.typed_sounds else []
        return [Query.const_score_query(Query.regex_query(self.schema, f, pattern), boost) for f, boost in places]

    def _loose(self, concept: Concept) -> list[tantivy.Query]:
        ways = [self._term("sounds", sound, ranking.SOUNDS * ranking.LOOSE) for sound in concept.homophones]
        if concept.grams:
            pairs = [(Occur.Must, self._plain("grams", pair)) for pair in concept.grams]
            ways.append(Query.const_score_query(Query.boolean_query(pairs), ranking.LOOSE))
        if concept.fuzzy:
            ways += [
                Query.boost_query(Query.fuzzy_term_query(self.schema, field, concept.word, distance=1), ranking.LOOSE)
                for field, _ in FIELDS
            ]
        return ways

    def _word(self, word: str, weight: float) -> tantivy.Query:
        places = [self._term(field, word, weight * boost) for field, boost in FIELDS]
        return Query.disjunction_max_query(places, tie_breaker=TIE)

    def _term(self, field: str, word: str, boost: float) -> tantivy.Query:
        return Query.boost_query(self._plain(field, word), boost)

    def _plain(self, field: str, word: str) -> tantivy.Query:
        option = "freq" if field in ("title", "tags", "body") else "basic"
        return Query.term_query(self.schema, field, word, index_option=option)
