"""The words of `Translation`: what is read, and what is written for it."""

from typing import NamedTuple


class Noun(NamedTuple):
    """A noun in both languages.

    Attributes:
        read: in the language that is read.
        written: in the language that is written.
        gender: 0, 1 or 2: masculine, feminine, neuter.
    """

    read: str
    written: str
    gender: int


def _pairs(text: str) -> tuple[tuple[str, str], ...]:
    """Words and their translations, one pair after the other."""
    words = text.split()
    return tuple(zip(words[::2], words[1::2], strict=True))


_MASCULINE = _pairs("""
    market Markt treaty Vertrag council Rat report Bericht plan Plan garden Garten forest Wald river Fluss
    mountain Berg friend Freund teacher Lehrer king Koenig table Tisch train Zug letter Brief moon Mond
    tree Baum dog Hund path Weg hat Hut
""")
_FEMININE = _pairs("""
    city Stadt bridge Bruecke island Insel area Zone question Frage answer Antwort union Union story Geschichte
    street Strasse school Schule flower Blume night Nacht sun Sonne cat Katze clock Uhr door Tuer
    voice Stimme song Melodie language Sprache queen Koenigin
""")
_NEUTER = _pairs("""
    house Haus book Buch law Gesetz country Land village Dorf ship Schiff window Fenster child Kind
    horse Pferd bread Brot water Wasser lamp Licht picture Bild goal Ziel year Jahr word Wort
    sea Meer castle Schloss room Zimmer paper Papier
""")
NOUNS = tuple(
    Noun(*pair, gender) for gender, pairs in enumerate((_MASCULINE, _FEMININE, _NEUTER)) for pair in pairs
)  # 60
ADJECTIVES = _pairs("""
    old alt new neu big gross small klein long lang short kurz young jung good gut bad schlecht red rot
    green gruen blue blau white weiss black schwarz warm warm cold kalt bright hell still still loud laut fast schnell
    slow langsam rich reich poor arm strong stark weak schwach free frei famous bekannt lovely schoen
    strange seltsam cheap billig heavy schwer easy leicht deep tief wide breit narrow eng soft weich hard hart
    wild wild European europaeisch economic wirtschaftlich
""")  # 40
VERBS = _pairs("""
    reach erreichen find finden see sehen buy kaufen sell verkaufen build bauen read lesen write schreiben
    open oeffnen close schliessen bring bringen carry tragen forget vergessen learn lernen teach lehren
    leave verlassen love lieben hear hoeren know kennen hold halten lose verlieren win gewinnen draw zeichnen
    paint malen change aendern save retten show zeigen send senden begin beginnen end beenden visit besuchen
    seek suchen count zaehlen break brechen cut schneiden eat essen drink trinken sign unterzeichnen
    describe beschreiben defend verteidigen
""")  # 40
PREPOSITIONS = _pairs("with mit without ohne for fuer in in on auf under unter behind hinter near bei")  # 8
ARTICLES = ("der", "die", "das")  # by gender
ENDINGS = ("er", "e", "es")  # of an adjective, by gender
