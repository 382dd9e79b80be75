"""Words of the tables and figures of detectors, in English and Italian."""

from latentprint import glossary
from latentprint.glossary import Words

_WORDS = {
    # key: (English, Italian)
    "detectors": (
        "All detectors of the run, best in cross-validation first",
        "Tutti i rivelatori, dal migliore nella validazione incrociata",
    ),
    "rank": ("Rank", "Posto"),
    "detector": ("Detector", "Rivelatore"),
    "cv": ("Cross-val. (95 %)", "Valid. incr. (95 %)"),
    "test_accuracy": ("Test accuracy (95 %)", "Accuratezza di prova (95 %)"),
    "auc": ("AUC", "AUC"),
    "p_best": ("p against the best test", "p contro il migliore di prova"),
    "fit_cores": ("Fit (s x cores)", "Addestr. (s x core)"),
    "search_cores": ("Search (s x cores)", "Ricerca (s x core)"),
    "per_image": ("Predict (ms an image)", "Predizione (ms a immagine)"),
    "note_detectors": (
        "The best single detector is the first row: it is chosen by cross-validation on the "
        "training images. Test accuracies are for reading, not for choosing; the highest is bold.",
        "Il miglior rivelatore singolo è la prima riga: è scelto con validazione incrociata sulle "
        "immagini di addestramento. Le accuratezze di prova si leggono soltanto; la più alta è in "
        "grassetto.",
    ),
    "note_cv": (
        "Cross-val.: share of training images called right by fits that did not see them, with its "
        "Wilson interval. The best of many looks better there than it is: choosing favours luck.",
        "Valid. incr.: quota di immagini di addestramento riconosciute da modelli che non le hanno "
        "viste, con intervallo di Wilson. Il migliore di molti vi appare migliore di quanto sia: "
        "la scelta favorisce la fortuna.",
    ),
    "note_p_best": (
        "p: exact McNemar test against the cell of highest test accuracy, Holm-corrected.",
        "p: test esatto di McNemar contro la cella di massima accuratezza, corretto secondo Holm.",
    ),
    "note_per_image": (
        "Predict: from values in memory; the analysis of an image comes before it (docs/speed.md).",
        "Predizione: da valori in memoria; prima viene l'analisi dell'immagine (docs/speed.md).",
    ),
    "average": ("average of {n}", "media di {n}"),
    "note_average": (
        "average of {n}: mean calibrated log odds of the best cells by cross-validation "
        "({members}); {held_out} on held-out training images, where the best of them alone has "
        "{best}.",
        "media di {n}: media dei log odds calibrati delle celle migliori nella validazione "
        "incrociata ({members}); {held_out} su immagini di addestramento non viste, dove la "
        "migliore da sola ha {best}.",
    ),
    "average_chosen": (
        "It is the detector of the run.",
        "È il rivelatore dell'esperimento.",
    ),
    "average_left": (
        "It is not the detector of the run.",
        "Non è il rivelatore dell'esperimento.",
    ),
    "pixels": ("pixels, no latents", "pixel, senza latenti"),
    "calibration": ("Calibration and thresholds", "Calibrazione e soglie"),
    "map": ("Map", "Mappa"),
    "ece": ("ECE, before / after", "ECE, prima / dopo"),
    "log_loss": ("Log loss, before / after", "Log loss, prima / dopo"),
    "alarms_asked": ("False alarms asked", "Falsi allarmi chiesti"),
    "threshold": ("Score above", "Punteggio oltre"),
    "alarms": ("False alarms, test", "Falsi allarmi, prova"),
    "detections": ("Fakes found, test", "Fake trovati, prova"),
    "note_calibration": (
        "Map and thresholds come from training images that the fits did not see; ECE (10 bins), "
        "log loss, false alarms and fakes found are those of the test images, with 95 % intervals "
        "(Wilson).",
        "Mappa e soglie vengono da immagini di addestramento non viste; ECE (10 intervalli), log "
        "loss, falsi allarmi e fake trovati sono quelli di prova, con intervalli al 95 % (Wilson).",
    ),
    "cross": ("Where it holds, where it breaks", "Dove regge, dove cede"),
    "asked_about": ("Asked about", "Interrogato su"),
    "images": ("Images", "Immagini"),
    "right": ("Right (95 %)", "Giuste (95 %)"),
    "difference_own": ("Difference to its own test (95 %)", "Differenza dalla sua prova (95 %)"),
    "real_fake": ("Real called fake", "Reali detti fake"),
    "fake_fake": ("Fake called fake", "Fake detti fake"),
    "own_test": ("its own test images", "le sue immagini di prova"),
    "test_level": ("y of {name} bpp", "y a {name} bpp"),
    "test_level_hat": ("y_hat of {name} bpp", "y_hat a {name} bpp"),
    "test_latent": ("{name} in place of its latents", "{name} al posto dei suoi latenti"),
    "test_jpeg": ("JPEG, quality {name}", "JPEG, qualità {name}"),
    "test_resize": ("resized to {name} % and back", "ridotte al {name} % e riportate"),
    "test_jpegai": ("JPEG AI, {name} bpp", "JPEG AI, {name} bpp"),
    "test_folders": ("{name}", "{name}"),
    "note_cross": (
        "The detector stays as it was trained; only the test images or their latents change. "
        "Differences are paired by image (Tango's interval). Folders hold synthetic images alone: "
        "right means called fake.",
        "Il rivelatore resta com'è; cambiano solo le immagini di prova o i loro latenti. "
        "Differenze appaiate per immagine (intervallo di Tango). Le cartelle hanno solo immagini "
        "sintetiche: giusto significa detto fake.",
    ),
    "note_jpegai": (
        "JPEG AI: coded and decoded with {weights}, without the standard's post filters.",
        "JPEG AI: codifica e decodifica con {weights}, senza i post-filtri dello standard.",
    ),
    "training_images": ("Training images (log scale)", "Immagini di addestramento (scala log)"),
    "measured": ("measured", "misurato"),
    "extrapolated": ("power law, extrapolated", "legge di potenza, estrapolata"),
    "note_curve": (
        "extrapolated by error = a n^-b, not measured; the band is the chance of the test images",
        "estrapolato con errore = a n^-b, non misurato; la banda è il caso delle immagini di prova",
    ),
    "probability": ("Probability of fake", "Probabilità di fake"),
    "share_fake": ("Share of fakes", "Quota di fake"),
    "before": ("score", "punteggio"),
    "after": ("calibrated", "calibrato"),
    "positions_drop": ("Positions: loss when exchanged", "Posizioni: perdita se scambiate"),
    "positions_alone": ("Positions: AUC alone", "Posizioni: AUC da sole"),
    "channels_drop": ("Channels: loss when exchanged", "Canali: perdita se scambiati"),
    "channels_alone": ("Channels: AUC alone", "Canali: AUC da soli"),
    "channel": ("Channel (luma, then chroma)", "Canale (luminanza, poi crominanza)"),
    "stability": (
        "rank correlation between repetitions {value}",
        "correlazione fra ripetizioni {value}",
    ),
    "cost_fit": ("Fit (s x cores, log scale)", "Addestramento (s x core, scala log)"),
    "cost_image": ("Predict (ms an image, log scale)", "Predizione (ms a immagine, scala log)"),
    "best_cv": ("chosen by cross-validation", "scelto con validazione incrociata"),
}


def words(language: str) -> Words:
    """Give the words of one language: those of all tables and figures, and those of detectors."""
    found = glossary.words(language)
    index = glossary.LANGUAGES.index(language)
    return found | {key: pair[index] for key, pair in _WORDS.items()}


def test_name(test: str, *, latent: str, text: Words) -> str:
    """Name a cross test for readers, as the file names it: "altered-jpeg-75", "level-0.25"."""
    kind, _, name = test.partition("-")
    if kind == "level":
        return text["test_level_hat" if latent == "y_hat" else "test_level"].format(name=name)
    if kind == "altered":
        alteration, _, number = name.partition("-")
        shown = f"{int(number) / 100:.2f}" if alteration == "jpegai" else number
        return text[f"test_{alteration}"].format(name=shown)
    return text[f"test_{kind}"].format(name=name.replace("_", " "))
