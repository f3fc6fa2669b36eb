"""The panel "Translate": a sentence, its translation, and which words were read for each that was written."""

import functools
import html
import random
from typing import ClassVar

from nicegui import ui

from ....envs.sequence.grammar import READ
from ....viz.pages import data_url
from ..parsing import FORM, MOST_LETTERS
from ..parts import Panel, Picture, computed, handled, legend, small_button
from ..shelf import nobody, translates
from ..translating import SPEAKERS, Translated, random_sentence, speaker, spoken, translate


class TranslatePanel(Panel):
    """Type a sentence and see it translated, with its alignment."""

    name: ClassVar[str] = "Translate"
    title: ClassVar[str] = "An agent that translates, and what it reads for each word"
    about: ClassVar[str] = (
        "It reads a sentence of a small made-up grammar and writes it in a language that puts adjectives behind their "
        "noun and the verb at the end. Choose a word that it wrote: the words that it attended to then light up."
    )

    def build(self) -> None:
        self.done: Translated | None = None
        self.at = 0
        with ui.element("div").classes("row"):
            self.agent = self.choose_agent(translates, self.fresh, "Translation-bahdanau")
            self.text = ui.input("Sentence", value="to reach the new European market").classes("long")
            self.text.props["maxlength"] = str(MOST_LETTERS)
            self.text.on("keydown.enter", self.fresh)
        with ui.element("div").classes("row"):
            ui.button("Translate", on_click=self.fresh)
            ui.button("Random sentence", on_click=self.random).props("outline")
        with ui.element("div").classes("parts"):
            with ui.element("div").classes("part grow"):
                ui.html("<h3>What it read</h3>")
                self.read = ui.html("", sanitize=False)
                ui.html("<h3 style='margin-top:.8rem'>What it wrote (choose a word)</h3>")
                with ui.element("div").props('role=group aria-label="words that were written; arrow keys"') as box:
                    self.written = ui.element("div").classes("words")
                box.on("keydown.left.prevent", lambda: self.choose(self.at - 1))
                box.on("keydown.right.prevent", lambda: self.choose(self.at + 1))
                self.verdict = ui.html("", sanitize=False).props("aria-live=polite")
                self._build_speech()
            with ui.element("div").classes("part"):
                ui.html("<h3>The whole alignment</h3>")
                with ui.element("div").classes("scroll").props("tabindex=0 role=group aria-label=alignment"):
                    self.picture = Picture("alignment", "paper")
                legend(
                    "A row for each word that it wrote, a column for each that it read. Bright: what it attended to, "
                    "the brightest of each row alike. Outlined in light blue: what decides this word. Green words are "
                    "right, red ones wrong."
                )
        words = ", ".join(html.escape(word) for word in READ if word)
        ui.html(f"<p class='small dim'>Its grammar: {html.escape(FORM)}.</p>")
        ui.html(f"<details class='small dim'><summary>All words that it reads</summary><p>{words}</p></details>")

    def _build_speech(self) -> None:
        with ui.element("div").classes("row"):
            if speaker() is None:
                ui.label(f"Nothing on this machine reads aloud: {' or '.join(SPEAKERS)} would.").classes("small dim")
                self.audio = None
                return
            small_button("Read the sentence aloud", lambda: self.speak("read"))
            small_button("Read the translation aloud", lambda: self.speak("written"))
            self.audio = ui.element("audio").props('controls aria-label="read aloud"')
            self.audio.set_visibility(False)

    async def begin(self) -> None:
        if self.agent.value is None:
            self.note.fail(str(nobody("translates", "python train.py Sequence/Translation-v0 bahdanau")))
            return
        await self.fresh()

    @handled
    async def random(self) -> None:
        """Take a sentence of the world's own, and translate it."""
        agent = self.shelf.agent(self.agent.value)
        self.text.value = await computed(random_sentence, agent, random.randrange(2**31))
        await self._translated()

    @handled
    async def fresh(self) -> None:
        """Translate what is typed now."""
        await self._translated()

    async def _translated(self) -> None:
        agent, text = self.shelf.agent(self.agent.value), self.text.value
        self.done = done = await computed(lambda: translate(agent, self.shelf.learner(agent.name), text))
        if self.audio is not None:
            self.audio.set_visibility(False)
        self.picture.show(done.picture(), "alignment of “" + " ".join(done.source) + "”")
        with self.written.clear():
            self._buttons = [
                ui.button(word, on_click=functools.partial(self.choose, at)).props("flat dense no-caps padding='xs sm'")
                for at, word in enumerate(done.written)
            ]
        self.verdict.content = self._judged(done)
        decided = done.gold.any(1)
        self.choose(int(decided.argmax()))

    @staticmethod
    def _judged(done: Translated) -> str:
        if done.right is None:
            return "<p>This is no sentence of its grammar: nobody knows what would be right.</p>"
        if done.wholly_right:
            return "<p class=right>Every word is right.</p>"
        return f"<p><span class=wrong>Not right</span>: it should be “{html.escape(' '.join(done.right))}”</p>"

    def choose(self, at: int) -> None:
        """Light up what was read for a word that was written."""
        if self.done is None or not 0 <= at < len(self.done.written):
            return
        self.at = at
        for number, button in enumerate(self._buttons):
            button.props["aria-pressed"] = "true" if number == at else "false"
            button.props["outline"] = number == at
            button.props["flat"] = number != at
            button.update()
        weights, gold = self.done.weights[at], self.done.gold[at]
        shares = weights / max(float(weights.max()), 1e-9)
        total = max(float(weights.sum()), 1e-9)
        cells = [
            f"<span style='background:color-mix(in srgb, var(--best) {60 * share:.0f}%, transparent);"
            f"{'outline:2px solid var(--bar)' if is_gold else ''}'>{html.escape(word)} "
            f"<span class='small dim'>{100 * weight / total:.0f} %</span></span>"
            for word, share, weight, is_gold in zip(
                self.done.source, shares.tolist(), weights.tolist(), gold.tolist(), strict=True
            )
        ]
        self.read.content = f"<div class=words>{''.join(cells)}</div>"

    @handled
    async def speak(self, language: str) -> None:
        """Read the sentence or its translation aloud."""
        if self.done is None or self.audio is None:
            return
        words = self.done.source if language == "read" else [word for word in self.done.written if word != "."]
        sound = await computed(spoken, words, language)
        self.audio.props["src"] = data_url(sound, "audio/wav")
        self.audio.props["autoplay"] = True
        self.audio.set_visibility(True)
