// A place where a recording can be chosen or dropped.

export function chosen(place, input, take) {
  input.addEventListener("change", () => {
    for (const file of input.files) take(file);
    input.value = ""; // the same file may be chosen again
  });
  for (const kind of ["dragover", "dragleave", "drop"]) {
    place.addEventListener(kind, (event) => {
      event.preventDefault();
      place.classList.toggle("over", kind === "dragover");
      if (kind !== "drop" || input.disabled) return;
      const files = [...(event.dataTransfer?.files ?? [])];
      for (const file of input.multiple ? files : files.slice(0, 1)) take(file);
    });
  }
}
