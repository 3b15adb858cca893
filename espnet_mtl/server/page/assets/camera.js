// The camera of this machine: a picture of it is a file as any other, and nothing else of it is kept.
const SNAPSHOT = "face.jpg";
const WANTED = { video: { facingMode: "user", width: { ideal: 1280 } } };

// Returns the elements that take a picture for a source of `addSource`
function camera(source) {
  const open = make("button", { type: "button" }, "Use the camera");
  const live = make("video", { class: "source-live", autoplay: "", muted: "", playsinline: "" });
  const snap = make("button", { type: "button" }, "Take the picture");
  const cancel = make("button", { type: "button" }, "Cancel");
  const buttons = make("div", { class: "source-buttons" }, snap, cancel);
  let stream = null;

  const show = () => {
    live.srcObject = stream;
    live.hidden = buttons.hidden = !stream;
    open.hidden = Boolean(stream);
  };

  const end = () => {
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    show();
  };

  open.addEventListener("click", async () => {
    open.disabled = true; // until the browser has asked whoever sits there
    try {
      stream = await navigator.mediaDevices.getUserMedia(WANTED);
      source.warn("");
    } catch (error) {
      source.warn(`The camera cannot be used: ${error.message}`);
    }
    open.disabled = false;
    show();
  });

  snap.addEventListener("click", async () => {
    if (!live.videoWidth) return; // nothing is seen yet
    const canvas = make("canvas", { width: live.videoWidth, height: live.videoHeight });
    canvas.getContext("2d").drawImage(live, 0, 0);
    const picture = await new Promise((resolve) => canvas.toBlob(resolve, "image/jpeg", 0.92));
    end();
    await source.take(new File([picture], SNAPSHOT, { type: "image/jpeg" }), true);
  });

  cancel.addEventListener("click", end);
  show();
  return [open, live, buttons];
}
