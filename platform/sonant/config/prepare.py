"""How a corpus is imported or made."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from models.base import Section
from sonant.config.data import Split
from sonant.config.mix import Mixing
from sonant.config.noisy import Noising


class _Prepare(Section):
    out: str
    """Folder or URL to write: manifest.parquet and shards."""
    sample_rate_hz: Annotated[int, Field(ge=4000, le=48000)] = 16000
    """Rate of the stored samples; everything is resampled once, here."""
    max_clip_s: Annotated[float, Field(gt=0)] = 60.0
    """Longer files are refused."""
    workers: Annotated[int, Field(ge=0)] = 0
    """Processes that decode; 0: one a core."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of everything that is made up: voices, manner of speaking, noise."""
    trim_silence_db: Annotated[float, Field(gt=0)] | None = None
    """Cuts what is softer than the clip's loudest moment by more than this off both ends; null keeps clips whole."""


class PrepareFolder(_Prepare):
    """root/<label>/**/*.{wav,flac,mp3,ogg,...}; the speaker is taken from the file name by `speaker_pattern`."""

    kind: Literal["folder"] = "folder"
    root: str
    """Folder or URL that holds a folder for each label."""
    speaker_pattern: str | None = None
    """Regular expression over the relative path whose group `speaker` names the speaker; null: unknown."""
    licence: str = "unknown"
    """Licence of all clips; it travels with the manifest."""


class PrepareFsdd(_Prepare):
    """Free Spoken Digit Dataset: {digit}_{speaker}_{take}; takes 0-4 are the test set."""

    kind: Literal["fsdd"] = "fsdd"
    root: str
    """Folder or URL that holds the recordings."""


class PrepareSpeechCommands(_Prepare):
    """Speech Commands: root/<word>/<speaker>_nohash_<n>; split by the official hash of the speaker."""

    kind: Literal["speech_commands"] = "speech_commands"
    root: str
    """Folder or URL that holds a folder for each word."""
    words: tuple[str, ...] | None = None
    """Words to keep; others become _unknown_ when `unknown` is set. null keeps all."""
    unknown: bool = False
    """Keep other words too, labelled _unknown_."""
    silence_clips: Annotated[int, Field(ge=0)] = 0
    """Clips of faint noise to make, labelled _silence_."""


class PrepareRavdess(_Prepare):
    """RAVDESS: 03-01-<emotion>-...-<actor>, in Actor_XX folders or all in one; eight emotions, 24 actors."""

    kind: Literal["ravdess"] = "ravdess"
    root: str
    """Folder or URL that holds the recordings, at any depth."""
    voice: Literal["speech", "song", "both"] = "speech"
    """Spoken or sung recordings; songs have no disgust and no surprise."""


class PrepareEmodb(_Prepare):
    """Berlin Database of Emotional Speech: <speaker><text><emotion><version>; seven emotions, ten speakers."""

    kind: Literal["emodb"] = "emodb"
    root: str
    """Folder or URL that holds the recordings, at any depth."""


class PrepareLibrispeech(_Prepare):
    """LibriSpeech (Panayotov et al. 2015): [part/]<speaker>/<chapter>/<speaker>-<chapter>-<number>.flac with
    <speaker>-<chapter>.trans.txt beside them. Chapters are sessions; dev and test parts keep their names' meaning."""

    kind: Literal["librispeech"] = "librispeech"
    root: str
    """Folder or URL that holds parts (train-clean-100, dev-clean, ...), or one part."""
    parts: tuple[str, ...] | None = None
    """Parts to import; null: all that are there."""


class PrepareManifest(_Prepare):
    """Any manifest (Parquet, CSV or JSONL) with the columns of docs/data.md; paths are relative to `root`."""

    kind: Literal["manifest"] = "manifest"
    manifest: str
    """File or URL that ends in .parquet, .csv or .jsonl."""
    root: str | None = None
    """Folder or URL that the paths are relative to; null: the manifest's own folder."""
    dataset: str | None = None
    """Only rows whose `dataset` or `corpus` column says this."""
    splits: dict[str, Literal["train", "validation", "test", ""]] = {}
    """What the manifest's own words for the splits mean, such as {fold4: test}; "" leaves a clip to `data.split`."""
    split_by: Literal["speaker", "session", "clip"] = "speaker"
    """What the manifest's splits keep apart; `sonant prepare check` holds it to that."""
    session_pattern: str | None = None
    """Regular expression over the path whose group `session` names the session, where the column `session` is empty;
    for LibriSpeech, whose file names hold the chapter, (?P<session>\\d+-\\d+)-\\d+\\.flac$."""


class PrepareSpans(_Prepare):
    """Recordings in which it is known what is heard when: a manifest, and a table of spans beside it."""

    kind: Literal["spans"] = "spans"
    manifest: str
    """File or URL of the recordings, as for `manifest`; the label of a whole recording is not used."""
    root: str | None = None
    """Folder or URL that the paths are relative to; null: the manifest's own folder."""
    dataset: str | None = None
    """Only rows of the manifest whose `dataset` or `corpus` column says this."""
    splits: dict[str, Literal["train", "validation", "test", ""]] = {}
    """What the manifest's own words for the splits mean; "" leaves a recording to `data.split`."""
    split_by: Literal["speaker", "session", "clip"] = "session"
    """What the manifest's splits keep apart. Recordings that share one of their speakers (A+B, B+C) are one session."""
    spans: str | None = None
    """CSV with the columns path, start_s (or t_start), end_s (or t_end), label. A recording without a row holds none
    of the labels. Null: `by_energy` finds the spans."""
    labels: dict[str, str] = {}
    """Other names for the table's labels, such as {S: speech}."""
    by_energy: str | None = None
    """Label of the loud stretches of clean recordings: for speech without background that nobody has marked."""


class PrepareSynth(_Prepare):
    """Words spoken by espeak-ng in many voices; train, validation and test have different voices."""

    kind: Literal["synth"] = "synth"
    words: Annotated[tuple[str, ...], Field(min_length=1)]
    """Words to say, each a label."""
    unknown_words: tuple[str, ...] = ()
    """Other words, labelled _unknown_."""
    voices: Annotated[int, Field(ge=3, le=832)] = 300
    """Voices (8 accents x 104 variants) used in all."""
    clips_per_word: Annotated[int, Field(ge=1)] = 200
    """Clips of each word in all splits together."""
    unknown_clips: Annotated[int, Field(ge=0)] | None = None
    """Clips of `unknown_words` in all; null: as many as of one word."""
    silence_clips: Annotated[int, Field(ge=0)] = 200
    """Clips of faint noise, labelled _silence_."""
    clip_s: Annotated[float, Field(ge=0.3)] = 1.0
    """Longest word, and length of the silence; words that come out longer are spoken faster."""
    manner_of: Literal["clip", "speaker"] = "clip"
    """Whether rate, pitch and its range are drawn for each clip, or once for each voice: by which it is then known."""
    held_out: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    """Share of the voices, and of the clips, for validation, and again for test."""


class PrepareJoin(_Prepare):
    """Prepared corpora as one. The first keeps its splits; what the others share of its labels is training material."""

    kind: Literal["join"] = "join"
    corpora: Annotated[tuple[str, ...], Field(min_length=2)]
    """Folders or URLs of prepared corpora at this sample rate."""
    labels: dict[str, str] = {}
    """What the others' labels are called in the first: {zero: "0"}."""


class PrepareMsSnsd(_Prepare):
    """Clean speech or noise of MS-SNSD (Reddy et al. 2019): clean_train, clean_test, noise_train, noise_test, or the
    files of one of them; the kind of a noise is what its name begins with, as in AirConditioner_1.wav."""

    kind: Literal["ms_snsd"] = "ms_snsd"
    root: str
    """Folder or URL that holds those folders, or the files of one."""
    part: Literal["clean", "noise"]
    """Which of the two."""


class PrepareVoicebank(_Prepare):
    """Clean speech of VoiceBank-DEMAND (Valentini 2017): clean_trainset_28spk_wav/p226_001.wav, clean_testset_wav; the
    numbers of the speakers are in the names."""

    kind: Literal["voicebank"] = "voicebank"
    root: str
    """Folder or URL that holds those folders."""


class PrepareDns(_Prepare):
    """Clean speech or noise of the DNS challenge (Reddy et al. 2020): datasets/clean, noise, at any depth; readers are
    known where names tell them (read_speech)."""

    kind: Literal["dns"] = "dns"
    root: str
    """Folder or URL of `datasets`."""
    part: Literal["clean", "noise", "impulse_responses"]
    """Which of its folders."""


class PrepareMix(Section):
    """A table of mixtures of voices, of which one is wanted: recipes over a prepared corpus, split by speaker. Nothing
    is rendered unless `render` says so."""

    kind: Literal["mix"] = "mix"
    out: str
    """Table to write: a file or URL that ends in .parquet."""
    corpus: str
    """Folder or URL of a prepared corpus of speech whose speakers are known."""
    split: Split = Split()
    """Which speakers are training, validation and test material."""
    items: dict[Literal["train", "validation", "test"], Annotated[int, Field(ge=0)]] = {
        "train": 8000,
        "validation": 1000,
        "test": 1000,
    }
    """Mixtures of each side; a side that is not named has none."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of everything that is drawn."""
    mixing: Mixing = Mixing()
    verify: Annotated[int, Field(ge=0)] = 20
    """Mixtures of each side that are rendered and measured before the table is written."""
    render: str | None = None
    """Folder or URL to write sound files to: mixtures, targets, references, other voices, and mixtures.csv."""


class PrepareNoisy(Section):
    """A table of noisy speech: recipes over a prepared corpus, split by speaker, and a corpus of noise, split by kind
    of noise. Nothing is rendered unless `render` says so."""

    kind: Literal["noisy"] = "noisy"
    out: str
    """Table to write: a file or URL that ends in .parquet."""
    corpus: str
    """Folder or URL of a prepared corpus of clean speech."""
    split: Split = Split()
    """Which speakers are training, validation and test material."""
    items: dict[Literal["train", "validation", "test"], Annotated[int, Field(ge=0)]] = {
        "train": 8000,
        "validation": 1000,
        "test": 1000,
    }
    """Items of each side; a side that is not named has none."""
    hours: dict[Literal["train", "validation", "test"], Annotated[float, Field(ge=0)]] | None = None
    """Hours of noisy speech of each side, all levels together, in place of `items`."""
    seed: Annotated[int, Field(ge=0)] = 0
    """Seed of everything that is drawn, but for `noising.noise_seed`."""
    noising: Noising = Noising()
    verify: Annotated[int, Field(ge=0)] = 20
    """Items of each side that are rendered and measured before the table is written."""
    render: str | None = None
    """Folder or URL to write sound files to: noisy, clean and noise of each item, and pairs.csv."""


class PrepareNoisyPairs(Section):
    """A table of noisy files and the clean ones that belong to them, of a published set: nothing is decoded."""

    kind: Literal["noisy_pairs"] = "noisy_pairs"
    layout: Literal["ms_snsd", "voicebank", "dns"]
    """How the files lie: NoisySpeech_training beside CleanSpeech_training (ms_snsd), noisy_testset_wav beside
    clean_testset_wav (voicebank), or noisy beside clean with a fileid in the names (dns)."""
    root: str
    """Folder or URL that holds those folders; of dns, at any depth."""
    out: str
    """CSV to write: a file or URL; paths in it are absolute."""
    part: Literal["train", "test", ""] = ""
    """Of voicebank and ms_snsd, which part; empty: all that are there."""


CorpusConfig = (
    PrepareFolder
    | PrepareFsdd
    | PrepareSpeechCommands
    | PrepareRavdess
    | PrepareEmodb
    | PrepareLibrispeech
    | PrepareManifest
    | PrepareSpans
    | PrepareSynth
    | PrepareJoin
    | PrepareMsSnsd
    | PrepareVoicebank
    | PrepareDns
)
"""What makes a corpus."""

PrepareConfig = Annotated[CorpusConfig | PrepareMix | PrepareNoisy | PrepareNoisyPairs, Field(discriminator="kind")]
