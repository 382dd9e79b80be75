"""Words of tables and figures in English and Italian, and the sentences that name the source.

Kept as they are in both languages, as in paths and columns: RF, GB, Y, YUV, y, y_hat, single,
multiple, flatten, bpp.
"""

from collections.abc import Sequence

from latentprint.errors import UserError
from latentprint.score_table import Score, equal_levels, shares_fits

Words = dict[str, str]

_WORDS = {
    # key: (English, Italian)
    "language": ("en", "it"),
    "model": ("Model", "Modello"),
    "bpp": ("Bpp", "Bpp"),
    "component": ("Component", "Componente"),
    "component_short": ("Comp.", "Comp."),
    "feature": ("Preprocessing", "Preprocessing"),
    "factor": ("Factor", "Fattore"),
    "values": ("Values", "Valori"),
    "level": ("Compression level (bpp)", "Livello di compressione (bpp)"),
    "latent": ("Latent version", "Versione dei latenti"),
    "y": ("y (not quantised)", "y (non quantizzato)"),
    "y_hat": ("y_hat (quantised)", "y_hat (quantizzato)"),
    "accuracy": ("Accuracy", "Accuratezza"),
    "precision": ("Precision", "Precisione"),
    "recall": ("Recall", "Richiamo"),
    "f1": ("F1", "F1"),
    "actual": ("Actual", "Reale"),
    "predicted": ("Predicted", "Predetto"),
    "real": ("real", "reale"),
    "fake": ("fake", "fake"),
    "share": ("Share of the row", "Quota della riga"),
    "positive": ("positive class: fake", "classe positiva: fake"),
    "and": ("and", "e"),
    "full": ("full", "pieno"),
    "hollow": ("hollow", "vuoto"),
    "chance": ("chance", "caso"),
    "second_test": ("valid", "valid"),
    "over_seeds": ("seeds", "semi"),
    "note_second_test": (
        "valid: accuracy of the same fits on the second test split, with its 95 % interval.",
        "valid: accuratezza degli stessi addestramenti sulla seconda prova, intervallo al 95 %.",
    ),
    "note_over_seeds": (
        "seeds: mean and standard deviation of the accuracies of fits with other random numbers.",
        "semi: media e deviazione standard delle accuratezze con altri numeri casuali.",
    ),
    "interval": ("95 % interval", "intervallo al 95 %"),
    "thesis": ("Thesis", "Tesi"),
    "reached": ("reached", "raggiunti"),
    "fit_time": ("Fit time x cores (s, log scale)", "Tempo di addestramento x core (s, scala log)"),
    "samples": ("Rows per image", "Righe per immagine"),
    "formula": ("Formula", "Formula"),
    "dimension": ("Values per row", "Valori per riga"),
    "fits": ("Fits", "Addestr."),
    "search_s": ("Search (s)", "Ricerca (s)"),
    "fit_s": ("Training time (s)", "Tempo di addestramento (s)"),
    "predict_s": ("Test time (s)", "Tempo di prova (s)"),
    "cores": ("Cores", "Core"),
    "peak_mb": ("Peak memory (MB)", "Memoria massima (MB)"),
    "time": ("training time", "tempo di addestramento"),
    "all": ("all", "tutti"),
    "table": ("Table", "Tabella"),
    "table_2_1": ("Feature dimensions", "Dimensioni delle feature"),
    "table_2_2": ("Factors of the experiment", "Fattori dell'esperimento"),
    "table_accuracy": ("Results for {name}", "Risultati per {name}"),
    "table_3_3": ("Training times", "Tempi di addestramento"),
    "table_contrasts": (
        "Contrasts between the levels of each factor",
        "Contrasti fra i livelli di ciascun fattore",
    ),
    "contrast": ("Contrast", "Contrasto"),
    "pairs": ("Pairs", "Coppie"),
    "mean": ("mean", "media"),
    "mean_difference": (
        "Mean difference (95 % interval)",
        "Differenza media (intervallo al 95 %)",
    ),
    "differ_holm": ("p < 0.05 (Holm)", "p < 0,05 (Holm)"),
    "cells": ("Cells", "Celle"),
    "note_dimension": (
        "C_y = 160 and C_uv = 96 channels of luma and chroma, H x W positions (16 x 16 for images "
        "of 256 x 256 pixels), N patches. Rows and values are those the classifiers were given.",
        "C_y = 160 e C_uv = 96 canali di luminanza e crominanza, H x W posizioni (16 x 16 per "
        "immagini di 256 x 256 pixel), N patch. Righe e valori sono quelli dati ai classificatori.",
    ),
    "note_accuracy": (
        "Accuracy on {n_test} test images after training on {n_train}, with its 95 % interval "
        "(Wilson); the best value is bold.",
        "Accuratezza su {n_test} immagini di prova dopo l'addestramento su {n_train}, con "
        "intervallo al 95 % (Wilson); in grassetto il valore migliore.",
    ),
    "note_trace": (
        "Run {run}, configuration {config}, code {commit}.",
        "Esecuzione {run}, configurazione {config}, codice {commit}.",
    ),
    "note_source": ("Source: {source}.", "Fonte: {source}."),
    "note_reached": ("Rates asked and reached: {rates}.", "Livelli chiesti e raggiunti: {rates}."),
    "note_thesis": (
        "Thesis: Rustichini, University of Florence, 2025; 3,000 test images.",
        "Tesi: Rustichini, Università di Firenze, 2025; 3.000 immagini di prova.",
    ),
    "note_orientation": (
        "Published values stand beside another level of bpp for orientation only.",
        "I valori pubblicati stanno accanto a un altro livello di bpp solo per orientamento.",
    ),
    "note_other_source": (
        "The thesis used photographs and StyleGAN faces with the official codec: other images or "
        "weights give other values.",
        "La tesi usa fotografie e volti StyleGAN con il codec ufficiale: altre immagini o altri "
        "pesi danno altri valori.",
    ),
    "note_shared": (
        "y depends on the model id of the codec only: levels with one model id share y, and its "
        "cells are equal by construction.",
        "y dipende solo dall'identificativo del modello del codec: livelli con lo stesso modello "
        "condividono y e le sue celle sono uguali per costruzione.",
    ),
    "note_equal_levels": (
        "{levels} bpp are one operating point (model and displacement are equal): their latents "
        "are equal, and so is everything made of them.",
        "{levels} bpp sono un solo punto operativo (modello e spostamento uguali): i latenti sono "
        "uguali, e così tutto ciò che ne deriva.",
    ),
    "note_multiple": (
        "The published values of multiple mix two evaluators: informative only.",
        "I valori pubblicati di multiple mescolano due valutatori: solo indicativi.",
    ),
    "note_faithful": (
        "Protocol faithful: sampling, hyperparameters, patches and votes as in the thesis' code.",
        "Protocollo faithful: campionamento, iperparametri, patch e voti come nel codice della "
        "tesi.",
    ),
    "note_by_patch": (
        "RF on multiple is scored by patch, without a vote, as in the thesis: it cannot be "
        "compared with the other cells.",
        "RF su multiple è valutato per patch, senza voto, come nella tesi: non è confrontabile "
        "con le altre celle.",
    ),
    "note_times": (
        "Training and test time: mean over the fits of the row; search: sum over them; memory: "
        "the largest. Values differ from run to run.",
        "Tempi di addestramento e di prova: media sugli addestramenti della riga; ricerca: somma; "
        "memoria: il massimo. I valori cambiano da esecuzione a esecuzione.",
    ),
    "note_times_thesis": (
        "Thesis: 30,000 images; RF ran on one core, GB on all cores of its machine, so the "
        "published times are no comparison of cost, neither with each other nor with ours.",
        "Tesi: 30.000 immagini; RF su un core, GB su tutti i core della macchina: i tempi "
        "pubblicati non sono confrontabili, né fra loro né con i nostri.",
    ),
    "times": ("Where the time went", "Dove è andato il tempo"),
    "times_rule": ("Rule", "Regola"),
    "times_jobs": ("Jobs", "Job"),
    "times_wall": ("Wall time (s)", "Tempo reale (s)"),
    "times_share": ("Share", "Quota"),
    "times_cpu": ("CPU time (s)", "Tempo di CPU (s)"),
    "times_longest": ("Longest job (s)", "Job più lungo (s)"),
    "times_which": ("Which", "Quale"),
    "times_memory": ("Largest memory (MB)", "Memoria massima (MB)"),
    "times_total": ("all", "tutte"),
    "note_jobs": (
        "Wall time: added up over the jobs of a rule, also where these ran side by side, so that "
        "the sum can be more than the time that the run took. Steps that only copy, join or draw "
        "are not timed. A job that was made again counts with its last time; jobs of settings that "
        "the run had before count as well.",
        "Tempo reale: somma sui job di una regola, anche se eseguiti in parallelo; può superare la "
        "durata dell'esecuzione. I passi che solo copiano, uniscono o disegnano non sono misurati. "
        "Di un job rifatto conta l'ultimo tempo; contano anche i job di impostazioni precedenti.",
    ),
    "note_jobs_read": (
        "CPU time and memory are looked at every half second at first, later every half minute: "
        "they are too low by what came after the last look, and 0 for the shortest jobs. Values "
        "differ from run to run.",
        "Tempo di CPU e memoria sono rilevati prima ogni mezzo secondo, poi ogni mezzo minuto: "
        "manca ciò che segue l'ultima rilevazione, e per i job più brevi valgono 0. I valori "
        "cambiano da esecuzione a esecuzione.",
    ),
    "note_contrasts": (
        "Pairs of cells that are equal in all other factors, each pair of fits once. Difference: "
        "accuracy of the first level minus that of the second, on the same test images; mean over "
        "the pairs, with an interval by bootstrap over the images. Signs: pairs in which the first "
        "is higher, equal, lower. Last: pairs that McNemar's test tells apart, Holm's correction "
        "within the row.",
        "Coppie di celle uguali in tutti gli altri fattori, ogni coppia di addestramenti una "
        "volta. Differenza: accuratezza del primo livello meno quella del secondo, sulle stesse "
        "immagini di prova; media sulle coppie, con intervallo bootstrap sulle immagini. Segni: "
        "coppie in cui il primo è più alto, uguale, più basso. Infine: coppie distinte dal test di "
        "McNemar, correzione di Holm nella riga.",
    ),
    "note_contrasts_read": (
        "A mean difference whose interval excludes 0 (bold) is evidence for these images, this "
        "seed and this training set, not for others; intervals are not corrected for the number "
        "of rows. Pairs share their images, so that their signs are not independent.",
        "Una differenza media il cui intervallo esclude 0 (in grassetto) vale per queste immagini, "
        "questo seme e questo insieme di addestramento, non per altri; gli intervalli non sono "
        "corretti per il numero di righe. Le coppie condividono le immagini: i segni non sono "
        "indipendenti.",
    ),
    "note_contrasts_thesis": (
        "Thesis: differences of its accuracies over the same pairs of cells; no test can be made "
        "of them. Rustichini, University of Florence, 2025.",
        "Tesi: differenze delle sue accuratezze sulle stesse coppie di celle; non ne segue alcun "
        "test. Rustichini, Università di Firenze, 2025.",
    ),
    "audit_summary": ("Files by split and class", "File per insieme e classe"),
    "audit_baselines": (
        "Classifiers that see no picture, and what each trait contributes",
        "Classificatori che non vedono l'immagine e contributo di ogni caratteristica",
    ),
    "audit_split": ("Split", "Insieme"),
    "audit_train": ("training", "addestramento"),
    "audit_test": ("test", "prova"),
    "audit_class": ("Class", "Classe"),
    "audit_images": ("Images", "Immagini"),
    "audit_size": ("File size (KiB)", "Dimensione del file (KiB)"),
    "audit_quality": ("JPEG quality", "Qualità JPEG"),
    "audit_tables": ("Quantisation tables", "Tabelle di quantizzazione"),
    "audit_sampling": ("Chroma sampling", "Campionamento della crominanza"),
    "audit_format": ("Format", "Formato"),
    "audit_pixels": ("Pixels", "Pixel"),
    "audit_resized": ("Resize peak", "Picco di ridimensionamento"),
    "audit_off_grid": ("Off-grid blocks", "Blocchi fuori griglia"),
    "audit_share": ("Share of the class", "Quota della classe"),
    "audit_quantity": ("Quantity", "Grandezza"),
    "audit_accuracy": ("Accuracy (test)", "Accuratezza (prova)"),
    "audit_cv": ("Cross-validated (training)", "Validazione incrociata (addestramento)"),
    "audit_baseline_file": ("File traits", "Caratteristiche del file"),
    "audit_baseline_traces": ("File traits and traces", "Caratteristiche del file e tracce"),
    "note_audit_duplicates": (
        "Near duplicates, pairs: {across_splits} across training and test images, "
        "{across_classes} of real and fake, {within_class} within one split and class.",
        "Quasi duplicati, coppie: {across_splits} fra addestramento e prova, {across_classes} fra "
        "reali e fake, {within_class} nello stesso insieme e nella stessa classe.",
    ),
    "note_audit_summary": (
        "File size: median and quartiles; JPEG quality: median, least and largest on the IJG "
        "scale; quantisation tables: distinct sets. Resize peak: share of images with a peak of "
        "{peak} or more; off-grid blocks: share with a strength of {off_grid} or more.",
        "Dimensione del file: mediana e quartili; qualità JPEG: mediana, minimo e massimo sulla "
        "scala IJG; tabelle di quantizzazione: insiemi distinti. Picco di ridimensionamento: quota "
        "di immagini con un picco di {peak} o più; blocchi fuori griglia: quota con una forza di "
        "{off_grid} o più.",
    ),
    "note_audit_baselines": (
        "Random forest with fixed settings, {n_train} training and {n_test} test images; 95 % "
        "interval (Wilson), chance is 0.5. Below: accuracy on the test images that is lost when a "
        "trait is shuffled among them; traits that stand for each other share it.",
        "Random forest con parametri fissi, {n_train} immagini di addestramento e {n_test} di "
        "prova; intervallo al 95 % (Wilson), il caso è 0,5. Sotto: accuratezza sulle immagini di "
        "prova persa quando una caratteristica è permutata fra di esse; caratteristiche che si "
        "sostituiscono se la dividono.",
    ),
    "rd_rate": ("Rate (bits per pixel, log scale)", "Bit per pixel (scala log)"),
    "rd_psnr": ("PSNR, RGB (dB)", "PSNR, RGB (dB)"),
    "rd_jpegai": ("JPEG AI {point}", "JPEG AI {point}"),
    "rd_jpeg": ("JPEG 4:2:0", "JPEG 4:2:0"),
    "rd_webp": ("WebP", "WebP"),
    "rd_transforms_official": ("Official BOP transforms", "Trasformate BOP ufficiali"),
    "rd_transforms_other": ("Other BOP transforms", "Altre trasformate BOP"),
    "rd_foot": (
        "{n} photographs of {photographs}; JPEG AI: {weights}, tools on, estimated bits",
        "{n} fotografie di {photographs}; JPEG AI: {weights}, strumenti attivi, bit stimati",
    ),
    "rd_differences": (
        "Rate at equal quality (BD-rate)",
        "Bit a parità di qualità (BD-rate)",
    ),
    "rd_points": (
        "Rate and quality by displacement",
        "Bit e qualità per spostamento",
    ),
    "rd_codec": ("Codec", "Codec"),
    "rd_against": ("Against", "Rispetto a"),
    "rd_of_means": ("Mean curves (%)", "Curve medie (%)"),
    "rd_typical": ("Single photographs (%)", "Singole fotografie (%)"),
    "rd_range": ("PSNR (dB)", "PSNR (dB)"),
    "rd_photographs": ("Photographs", "Fotografie"),
    "rd_setting": ("Model and displacement", "Modello e spostamento"),
    "rd_no_overlap": ("no common quality", "nessuna qualità in comune"),
    "note_rd_differences": (
        "Bjontegaard's difference, monotone cubics: bits that the first codec needs more (+) or "
        "less (-) than the second at equal quality, over the range of quality that both reach. "
        "Left: of the curves averaged over the photographs; right: mean over single photographs "
        "with its 95 % interval (bootstrap over those whose curves overlap, last column).",
        "Differenza di Bjontegaard, cubiche monotone: bit in più (+) o in meno (-) del primo codec "
        "rispetto al secondo a parità di qualità, nell'intervallo di qualità comune. A sinistra: "
        "delle curve medie; a destra: media sulle singole fotografie con intervallo al 95 % "
        "(bootstrap su quelle le cui curve si sovrappongono, ultima colonna).",
    ),
    "note_rd_source": (
        "{n} photographs of {photographs}; JPEG AI {operating_point}, {weights}, tools on, bits "
        "estimated from the likelihoods; PSNR over all RGB samples of a photograph, means over "
        "photographs.",
        "{n} fotografie di {photographs}; JPEG AI {operating_point}, {weights}, strumenti attivi, "
        "bit stimati dalle verosimiglianze; PSNR su tutti i campioni RGB di una fotografia, medie "
        "sulle fotografie.",
    ),
    "note_rd_files": (
        "JPEG: {jpeg} through Pillow {pillow}, 4:2:0, optimised tables; WebP: "
        "{webp}, slowest method; bits of whole files.",
        "JPEG: {jpeg} tramite Pillow {pillow}, 4:2:0, tabelle ottimizzate; WebP: "
        "{webp}, metodo più lento; bit dell'intero file.",
    ),
    "note_rd_transforms": (
        "{name}: the highest model id, without entropy networks; latents rounded at a row of "
        "gains, bits by the entropy of each channel's symbols over all photographs. It is not the "
        "rate of the whole codec.",
        "{name}: il modello più alto, senza reti di entropia; latenti arrotondati con una serie di "
        "guadagni, bit dall'entropia dei simboli di ciascun canale su tutte le fotografie. Non "
        "sono i bit del codec completo.",
    ),
    "weights_embedded": ("embedded weights", "pesi incorporati"),
    "weights_official": ("official weights", "pesi ufficiali"),
    "weights_random": ("random weights", "pesi casuali"),
    "weights_other": ("weights other than the official ones", "pesi diversi da quelli ufficiali"),
    "images_drawn": ("images drawn by the product", "immagini disegnate dal prodotto"),
    "images_other": ("{name}", "{name}"),
}

CLASSIFIER_NAMES = {"RF": "Random Forest", "GB": "Gradient Boosting"}
DRAWN = "drawn by the product"  # how scores.tsv names the images of the demo
LANGUAGES = ("en", "it")


def words(language: str) -> Words:
    """Give the words of one language.

    Parameters
    ----------
    language : {"en", "it"}

    Returns
    -------
    dict
        Key to word, or to a template with named fields.

    Raises
    ------
    UserError
        If the language is not one of the two.
    """
    if language not in LANGUAGES:
        raise UserError(f"labels: expected one of {', '.join(LANGUAGES)}, got {language!r}.")
    index = LANGUAGES.index(language)
    return {key: pair[index] for key, pair in _WORDS.items()}


def source(scores: Sequence[Score], text: Words) -> str:
    """Name weights, images and number of test images behind some scores.

    Parameters
    ----------
    scores : sequence of Score
    text : dict
        From `words`.

    Returns
    -------
    str
        "embedded weights, images drawn by the product, n = 180".
    """
    weights = [
        text.get(f"weights_{name}", text["weights_other"])
        for name in sorted({score.weights for score in scores})
    ]
    images = [
        text["images_drawn"] if name == DRAWN else text["images_other"].format(name=name)
        for name in sorted({score.images for score in scores})
    ]
    return f"{' / '.join(weights)}, {' / '.join(images)}, n = {count(scores, 'n_test')}"


def count(scores: Sequence[Score], column: str) -> str:
    """Write a count that should be equal in all cells: "180", or "170 to 180" where it is not."""
    values = [getattr(score, column) for score in scores]
    low, high = min(values), max(values)
    return f"{low}" if low == high else f"{low} to {high}"


def sharing(scores: Sequence[Score], text: Words) -> list[str]:
    """Say which levels share latents by construction; no sentence where none do."""
    sentences = [
        text["note_equal_levels"].format(levels=f" {text['and']} ".join(levels))
        for levels in equal_levels(scores)
    ]
    if shares_fits(scores) and not sentences:
        sentences.append(text["note_shared"])
    return sentences


def reached(bpp: str, scores: Sequence[Score]) -> float | None:
    """Give the mean estimated rate of a level where it is off by more than a tenth, else None.

    Parameters
    ----------
    bpp : str
        The level as written in the configuration.
    scores : sequence of Score
        Cells of the run; y_hat is read first, since y may be stored once for several levels.

    Returns
    -------
    float or None, bits per pixel
        None also where no rate was estimated.
    """
    rates = [
        score.bpp_reached
        for score in sorted(scores, key=lambda score: score.latent != "y_hat")
        if score.bpp == bpp and score.bpp_reached is not None
    ]
    # A tenth is the tolerance of the codec's own rate matching.
    return rates[0] if rates and abs(rates[0] / float(bpp) - 1) > 0.1 else None


def level(bpp: str, scores: Sequence[Score], text: Words) -> str:
    """Name a level: "1.0 bpp", or "6 bpp (2.13 reached)" where `reached` tells another rate."""
    rate = reached(bpp, scores)
    return f"{bpp} bpp" if rate is None else f"{bpp} bpp ({rate:.2f} {text['reached']})"
