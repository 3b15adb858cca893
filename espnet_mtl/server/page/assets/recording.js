// The recording whose emotion is taken. It stays in the browser until a text is said with it.
espnetMtl.recording = (element) => {
  const input = make("input", { type: "file", accept: "audio/*,.flac,.ogg,.opus", "aria-label": "A recording" });
  const player = make("audio", { controls: "" });
  const remove = make("button", { type: "button" }, "Remove");
  const hint = make("p", {}, "A recording of 0.3 to 20 s, whose emotion is taken in place of the wheel's.");
  element.querySelector(".recording").append(hint, input, player, remove);

  const show = (file) => {
    if (player.src) URL.revokeObjectURL(player.src);
    player.hidden = remove.hidden = !file;
    if (file) player.src = URL.createObjectURL(file);
    else player.removeAttribute("src");
  };

  const take = async (file) => {
    espnetMtl.chosen = null;
    show(file);
    if (!file) return;
    const url = await new Promise((resolve) => {
      const reader = new FileReader();
      reader.onload = () => resolve(reader.result);
      reader.readAsDataURL(file);
    });
    espnetMtl.chosen = { name: file.name, content: url.slice(url.indexOf(",") + 1) };
  };

  input.addEventListener("change", () => take(input.files[0]));
  remove.addEventListener("click", () => {
    input.value = "";
    take(null);
  });
  show(null);
};
