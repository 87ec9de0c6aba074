/** Kinds of files: those that the composer accepts, and the message about each kind that it refuses. */

/** Extensions for the file chooser: `text/*` misses most source code, whose types browsers don't know. */
const TEXT_ENDINGS = `
  txt text md markdown rst adoc org tex bib log csv tsv json jsonl ndjson json5 yaml yml toml ini cfg conf env properties xml
  svg html htm xhtml css scss sass less js mjs cjs jsx ts mts cts tsx vue svelte astro py pyi pyw ipynb rb php pl pm lua r jl
  java kt kts scala groovy gradle c h cc cpp cxx hh hpp hxx m mm cs fs fsx vb go rs swift dart zig nim d v sv vhd vhdl asm s
  hs lhs elm ml mli clj cljs cljc edn ex exs erl hrl lisp el scm rkt f f90 f95 pas ada cob sol tcl sh bash zsh fish ps1 psm1
  bat cmd sql graphql gql proto thrift tf tfvars hcl nix cmake mk make dockerfile diff patch srt vtt ics vcf eml tmpl j2 po
  lock gitignore editorconfig glsl hlsl wgsl cu cuh
`.trim().split(/\s+/);

/** File types that the chooser offers. */
export const ACCEPTED = ["text/*", "application/json", "application/xml", ".pdf", ...TEXT_ENDINGS.map((ending) => `.${ending}`)].join(",");

/** @typedef {{endings: string, begins: string[], words: string}} Kind begins: first bytes of such files, as Latin-1; words: message after the file's name */

/** @type {Kind[]} */
const KINDS = [
  {
    endings: "png jpg jpeg jpe gif webp avif bmp tif tiff ico heic heif jxl psd xcf raw cr2 nef dng",
    begins: ["\x89PNG", "\xff\xd8\xff", "GIF8", "BM", "II*\0", "MM\0*", "8BPS"],
    words: "is an image; this model reads text only.",
  },
  {
    endings: "mp3 m4a aac wav flac ogg oga opus wma aif aiff mid midi amr",
    begins: ["ID3", "\xff\xfb", "fLaC", "OggS", "MThd"],
    words: "is a sound file; this model reads text only.",
  },
  {
    endings: "mp4 m4v mov mkv webm avi wmv flv mpg mpeg 3gp",
    begins: ["\x1aE\xdf\xa3", "\0\0\x01\xba"],
    words: "is a video; this model reads text only.",
  },
  {
    endings: "doc docx docm dot dotx odt ott rtf pages ppt pptx pptm odp key epub mobi azw3 djvu",
    begins: ["{\\rtf", "\xd0\xcf\x11\xe0"],
    words: "isn't a text file. Save it as PDF or plain text.",
  },
  {
    endings: "xls xlsx xlsm xlsb ods numbers parquet",
    begins: ["PAR1"],
    words: "isn't a text file. Save it as CSV.",
  },
  {
    endings: "zip 7z rar tar gz tgz bz2 tbz xz txz zst lz4 jar war iso dmg cab deb rpm apk",
    begins: ["PK\x03\x04", "7z\xbc\xaf", "Rar!", "\x1f\x8b", "BZh", "\xfd7zXZ", "\x28\xb5\x2f\xfd"],
    words: "isn't a text file. Unpack it first.",
  },
];
const NO_TEXT = "isn't a text file.";

/**
 * @param {Uint8Array} head the first bytes of a file
 * @param {string} name of the file
 */
export function isPdf(head, name) {
  // PDF readers look for the mark in the first kilobyte. Another kind of text file may quote it there.
  return head.subarray(0, 5).join() === "37,80,68,70,45" || (/\.pdf$/i.test(name) && latin1(head.subarray(0, 1024)).includes("%PDF-"));
}

/**
 * @param {Uint8Array} head the first bytes of a file that isn't text
 * @param {string} name of the file
 * @param {string} [type] of the file, according to the browser
 * @returns {string} words that follow the file's name
 */
export function describeKind(head, name, type = "") {
  const ending = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase() ?? "";
  const start = latin1(head.subarray(0, 16));
  const byEnding = KINDS.find(({ endings }) => endings.split(" ").includes(ending));
  const byStart = KINDS.find(({ begins }) => begins.some((begin) => start.startsWith(begin))) ?? container(start);
  const byType = KINDS[["image", "audio", "video"].indexOf(type.split("/")[0] ?? "")];
  return (byEnding ?? byStart ?? byType)?.words ?? NO_TEXT;
}

/**
 * Find the type of a RIFF or ISO file, which is in its ninth or fifth byte.
 * @param {string} start
 */
function container(start) {
  const [image, sound, video] = KINDS;
  const brand = start.slice(8, 12);
  if (start.startsWith("RIFF")) return brand === "WEBP" ? image : brand === "WAVE" ? sound : video;
  if (start.slice(4, 8) !== "ftyp") return undefined;
  return /^(avif|heic|heix|mif1)/.test(brand) ? image : brand.startsWith("M4A") ? sound : video;
}

/** @param {Uint8Array} bytes */
function latin1(bytes) {
  return String.fromCharCode(...bytes);
}
