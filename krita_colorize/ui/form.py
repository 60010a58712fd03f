"""The controls that determine a result: sketch, references, masks, background, mode, switches, engine, seed."""

from __future__ import annotations

import random
from typing import Any

from krita_colorize.app.document import FOLLOW
from krita_colorize.app.guard import guarded
from krita_colorize.app.session import Session
from krita_colorize.core import layers as layer_lists
from krita_colorize.core import modes
from krita_colorize.core.engines import OPTIONS, USUAL_STEPS, EngineInfo
from krita_colorize.core.modes import Mode
from krita_colorize.core.port import SELECTION_ID
from krita_colorize.core.settings import MAX_LINE_GAP, MAX_SEED, Settings
from krita_colorize.core.translations import tr
from krita_colorize.qt import QtCore, QtWidgets
from krita_colorize.ui.advanced import AdvancedSection
from krita_colorize.ui.models import ModelsPage
from krita_colorize.ui.reference_list import AddReferenceButton, ReferenceList
from krita_colorize.ui.same_settings import SameSettingsButton
from krita_colorize.ui.widgets import (
    Choice,
    Entry,
    Icons,
    ToolButton,
    allow,
    column,
    label_for,
    layer_entries,
    row,
    words_label,
)

_PAINT_TIP = "Find the foreground and insert it as a mask layer that you can paint on."


class Form(QtWidgets.QWidget):
    """All settings of the sketch. It shows and changes the document model, and has no state of its own."""

    def __init__(self, session: Session, icons: Icons, more_actions: QtWidgets.QLayout) -> None:
        super().__init__()
        self.report = session.report
        self._session = session
        self._icons = icons
        self._models_page: ModelsPage | None = None
        self._init_choices()
        self._init_references()
        self._init_checks()
        self._init_numbers()
        self._init_layout(more_actions)
        session.document_changed.connect(self.refresh)
        session.layers_changed.connect(self.refresh)
        session.settings_changed.connect(self.refresh)
        session.engines_changed.connect(self.refresh)
        self.refresh()

    @guarded
    def refresh(self) -> None:
        """Shows the sketch's settings."""
        model = self._session.document
        self.setEnabled(model is not None)
        settings = model.settings if model else Settings()
        engine = self._engine(settings)
        self._show_engines(settings, engine)
        self._show_layers(settings)
        self._mode.setToolTip(tr(modes.WORDS[settings.mode].tooltip))
        self._mode.show_choice(
            [(tr(modes.WORDS[mode].title), mode.value) for mode in Mode], settings.mode.value
        )
        self._mode.set_enabled_entries(lambda value: engine is None or Mode(value) in engine.modes)
        self._show_options(settings, engine)
        self._references.refresh()

    # building

    def _init_choices(self) -> None:
        self._missing = words_label("engine_missing_label")
        self._engine_choice = self._choice(
            "engine_combo", tr("Engine"), tr("The system that does the colouring."), "engine"
        )
        self._model_choice = self._choice(
            "model_combo", tr("Model"), tr("The model that the engine uses."), "model"
        )
        self._models = ToolButton(
            "models_button", tr("Models…"), tr("Download models, and see their licences and sizes.")
        )
        self._models.clicked.connect(self._on_models)
        self._sketch = Choice(
            "sketch_combo", tr("Sketch"), tr("The layer with the lines. It is never changed.")
        )
        self._sketch.chosen.connect(self._on_sketch)
        self._same = SameSettingsButton(self._session, self._icons)
        self._mode = Choice("mode_combo", tr("Mode"), "")
        self._mode.chosen.connect(self._on_mode)
        self._sketch_mask = self._choice(
            "sketch_mask_combo",
            tr("Sketch's foreground mask"),
            tr(
                "Where the foreground is in the sketch: opaque (or white) is foreground. "
                "Automatic lets the engine find it."
            ),
            "sketch_mask",
        )
        self._background = self._choice(
            "background_combo",
            tr("Background picture"),
            tr("A layer whose colours are used only for the background."),
            "background",
        )
        self._create_sketch_mask = ToolButton("create_sketch_mask_button", tr("Create"), tr(_PAINT_TIP))
        self._create_sketch_mask.clicked.connect(self._on_create_sketch_mask)

    def _init_references(self) -> None:
        self._references = ReferenceList(self._session, self._icons)
        self._references.selected.connect(self._on_reference_selected)
        self._add_reference = AddReferenceButton(self._session, self._icons)
        self._remove_reference = ToolButton(
            "remove_reference_button",
            tr("Remove"),
            tr("Remove the selected reference from the list."),
            icons=self._icons,
            icon="edit-delete",
        )
        self._remove_reference.clicked.connect(self._references.remove_current)
        self._reference_mask = Choice(
            "reference_mask_combo",
            tr("Reference's foreground mask"),
            tr("Where the foreground is in the selected reference: opaque (or white) is foreground."),
        )
        self._reference_mask.chosen.connect(self._on_reference_mask)
        self._create_reference_mask = ToolButton("create_reference_mask_button", tr("Create"), tr(_PAINT_TIP))
        self._create_reference_mask.clicked.connect(self._on_create_reference_mask)

    def _init_checks(self) -> None:
        self._palette_lock = self._check("palette_lock")
        self._style_detail = self._check("style_detail")
        self._background_detail = self._check("background_detail")
        self._colorize_mask = self._check("colorize_mask")

    def _init_numbers(self) -> None:
        self._seed = QtWidgets.QSpinBox()
        self._seed.setObjectName("seed_spin")
        self._seed.setAccessibleName(tr("Seed"))
        self._seed.setRange(0, MAX_SEED)
        self._seed.setToolTip(tr("The same seed and settings give the same result again."))
        self._seed.setMinimumWidth(60)
        self._seed.valueChanged.connect(self._on_seed)
        self._new_seed = ToolButton(
            "new_seed_button", tr("New"), tr("Take another seed."), icons=self._icons, icon="view-refresh"
        )
        self._new_seed.clicked.connect(self._on_new_seed)
        self._line_gap = QtWidgets.QSpinBox()
        self._line_gap.setObjectName("line_gap_spin")
        self._line_gap.setAccessibleName(tr(OPTIONS["line_gap"].title))
        self._line_gap.setSuffix(" px")
        self._line_gap.setSpecialValueText(tr("Automatic"))
        self._line_gap.setToolTip(tr(OPTIONS["line_gap"].tooltip))
        self._line_gap.valueChanged.connect(self._on_line_gap)
        self._advanced = AdvancedSection(self._on_advanced)

    def _init_layout(self, more_actions: QtWidgets.QLayout) -> None:
        # Two forms, so that long titles further down don't narrow the most used fields.
        first, then = _form(), _form()
        first.addRow(label_for(self._sketch, tr("Sketch")), row(self._sketch, self._same))
        buttons = column(self._add_reference, self._remove_reference)
        strip = row(self._references)
        strip.addLayout(buttons)
        first.addRow(strip)
        first.addRow(label_for(self._mode, tr("Mode")), self._mode)
        then.addRow(
            label_for(self._sketch_mask, tr("Mask")), row(self._sketch_mask, self._create_sketch_mask)
        )
        then.addRow(
            label_for(self._reference_mask, tr("Ref. mask")),
            row(self._reference_mask, self._create_reference_mask),
        )
        then.addRow(label_for(self._background, tr("Background")), self._background)
        then.addRow(self._palette_lock)
        then.addRow(self._style_detail)
        then.addRow(self._background_detail)
        then.addRow(self._colorize_mask)
        then.addRow(label_for(self._engine_choice, tr("Engine")), column(self._engine_choice, self._missing))
        then.addRow(label_for(self._model_choice, tr("Model")), self._model_choice)
        then.addRow("", self._models)
        then.addRow(label_for(self._seed, tr("Seed")), row(self._seed, self._new_seed))
        then.addRow(label_for(self._line_gap, tr(OPTIONS["line_gap"].title)), self._line_gap)
        then.addRow(self._advanced)
        layout = QtWidgets.QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addLayout(first)
        layout.addLayout(more_actions)
        layout.addLayout(then)

    def _choice(self, name: str, title: str, tooltip: str, field: str) -> Choice:
        """A combo box that changes one field of the settings."""
        choice = Choice(name, title, tooltip)
        choice.chosen.connect(lambda value: self._change(**{field: value}))
        return choice

    def _check(self, option: str) -> QtWidgets.QCheckBox:
        """A check box that changes one of the options."""
        check = QtWidgets.QCheckBox(tr(OPTIONS[option].title))
        check.setObjectName(f"{option}_check")
        check.setToolTip(tr(OPTIONS[option].tooltip))
        check.toggled.connect(lambda on: self._change_options(**{option: on}))
        return check

    # showing

    def _engine(self, settings: Settings) -> EngineInfo | None:
        return next((engine for engine in self._session.engines if engine.name == settings.engine), None)

    def _show_engines(self, settings: Settings, engine: EngineInfo | None) -> None:
        names = [
            (tr("{name} (not ready)", name=info.title) if info.missing else info.title, info.name)
            for info in self._session.engines
        ]
        self._missing.setText(tr(engine.missing) if engine else "")
        self._missing.setVisible(bool(engine and engine.missing))
        self._engine_choice.show_choice(
            names, settings.engine, tr("{name} (not installed)", name=settings.engine)
        )
        models: list[Entry] = [(tr("Default"), "")]
        if engine is not None:
            models += [
                (m.title if m.installed else tr("{name} (not installed)", name=m.title), m.name)
                for m in engine.models
            ]
        self._model_choice.show_choice(
            models, settings.model, tr("{name} (not installed)", name=settings.model)
        )

    def _show_layers(self, settings: Settings) -> None:
        model = self._session.document
        layers = model.layers if model else []
        pictures = layer_entries(layer_lists.colourable(layers))
        masks = [
            (tr("Automatic"), ""),
            (tr("Selection"), SELECTION_ID),
            *layer_entries(layer_lists.maskable(layers)),
        ]
        follow = (
            tr("{name} (active)", name=model.sketch.name) if model and model.sketch else tr("Active layer")
        )
        self._sketch.show_choice([(follow, FOLLOW), *pictures], model.sketch_choice if model else FOLLOW)
        self._sketch_mask.show_choice(masks, settings.sketch_mask)
        self._background.show_choice([(tr("From the reference"), ""), *pictures], settings.background)

    def _show_options(self, settings: Settings, engine: EngineInfo | None) -> None:
        options = settings.options
        for name, check in self._checks().items():
            blocker = QtCore.QSignalBlocker(check)
            check.setChecked(getattr(options, name))
            heeded = engine is None or name in engine.options
            allow(check, when=heeded, why_not=tr("The chosen engine doesn't support this."))
            blocker.unblock()
        for spin, value in (
            (self._seed, settings.seed),
            (self._line_gap, round(options.line_gap * self._side())),
        ):
            blocker = QtCore.QSignalBlocker(spin)
            if spin is self._line_gap:
                spin.setMaximum(round(MAX_LINE_GAP * self._side()))
            spin.setValue(value)
            blocker.unblock()

        self._show_colorize_mask(settings)
        self._advanced.show_values(
            options,
            engine.table if engine else {},
            suiting=engine.steps_of(settings.model) if engine else USUAL_STEPS,
        )

    def _show_colorize_mask(self, settings: Settings) -> None:
        """Shows the switch for a Colorize Mask, which needs Krita 5.2 or later and the palette lock."""
        model, options = self._session.document, settings.options
        blocker = QtCore.QSignalBlocker(self._colorize_mask)
        self._colorize_mask.setChecked(options.colorize_mask)
        blocker.unblock()
        self._colorize_mask.setVisible(model is not None and model.colorize_masks)
        self._colorize_mask.setEnabled(self._palette_lock.isEnabled() and options.palette_lock)

    def _checks(self) -> dict[str, QtWidgets.QCheckBox]:
        return {
            "palette_lock": self._palette_lock,
            "style_detail": self._style_detail,
            "background_detail": self._background_detail,
        }

    def _side(self) -> int:
        """The canvas's longer side in pixels."""
        model = self._session.document
        return max(model.info.width, model.info.height) if model else 1000

    # changing

    @guarded
    def _change(self, /, **fields: object) -> None:
        if self._session.document is not None:
            self._session.document.change(**fields)

    @guarded
    def _change_options(self, /, **fields: object) -> None:
        if self._session.document is not None:
            self._session.document.change_options(**fields)

    @guarded
    def _on_advanced(self, name: str, value: Any) -> None:
        model = self._session.document
        if model is None:
            return
        options = model.settings.options
        if hasattr(options, name):
            model.change_options(**{name: value})
        else:
            model.change_options(advanced={**options.advanced, name: value})

    @guarded
    def _on_models(self) -> None:
        if self._models_page is None:
            self._models_page = ModelsPage(self._session.catalogue, self.window())
        self._models_page.show()
        self._models_page.raise_()

    @guarded
    def _on_sketch(self, layer_id: str) -> None:
        if self._session.document is not None:
            self._session.document.choose_sketch(layer_id)

    @guarded
    def _on_mode(self, value: str) -> None:
        self._change(mode=Mode(value))

    @guarded
    def _on_seed(self, seed: int) -> None:
        self._change(seed=seed)

    @guarded
    def _on_new_seed(self) -> None:
        self._change(seed=random.randrange(MAX_SEED + 1))

    @guarded
    def _on_line_gap(self, pixels: int) -> None:
        self._change_options(line_gap=min(MAX_LINE_GAP, pixels / self._side()))

    @guarded
    def _on_create_sketch_mask(self) -> None:
        self._session.create_mask()

    @guarded
    def _on_create_reference_mask(self) -> None:
        self._session.create_mask(max(0, self._references.currentRow()))

    @guarded
    def _on_reference_selected(self) -> None:
        model, index = self._session.document, self._references.currentRow()
        layers = model.layers if model else []
        masks = [
            (tr("Automatic"), ""),
            (tr("Selection"), SELECTION_ID),
            *layer_entries(layer_lists.maskable(layers)),
        ]
        there = model is not None and 0 <= index < len(model.settings.references)
        mask = model.settings.references[index].mask if model is not None and there else ""
        self._reference_mask.show_choice(masks, mask)
        for widget in (self._reference_mask, self._create_reference_mask, self._remove_reference):
            allow(widget, when=there, why_not=tr("Select a reference in the list first."))

    @guarded
    def _on_reference_mask(self, mask: str) -> None:
        model, index = self._session.document, self._references.currentRow()
        if model is not None and model.sketch is not None and 0 <= index < len(model.settings.references):
            model.use_reference_mask(model.sketch.id, model.settings.references[index].source, mask)


def _form() -> QtWidgets.QFormLayout:
    form = QtWidgets.QFormLayout()
    form.setVerticalSpacing(3)
    form.setHorizontalSpacing(6)
    form.setFieldGrowthPolicy(QtWidgets.QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
    return form
