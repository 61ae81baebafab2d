// Follows a training: the header says where it is, the frame shows the latest page and keeps its place on it.
const where = document.getElementById("where");
const bar = document.getElementById("bar");
const frame = document.getElementById("page");
let shown = 0;

function show(page) {
  if (page === shown) return;
  const place = frame.contentWindow ? frame.contentWindow.scrollY : 0;
  frame.onload = () => frame.contentWindow.scrollTo(0, place);
  frame.src = "/page?" + page;
  shown = page;
}

const events = new EventSource("/events");
events.onmessage = (event) => {
  const p = JSON.parse(event.data);
  if (p.page > 0) show(p.page);
  const share = p.batches > 0 ? p.batch / p.batches : 0;
  bar.value = p.done ? 1 : p.epochs > 0 ? Math.max(0, p.epoch - 1 + share) / p.epochs : 0;
  if (p.done) {
    where.textContent = "training is done";
    events.close();
  } else if (p.epoch > 0) {
    where.textContent = `epoch ${p.epoch} of ${p.epochs}, batch ${p.batch} of ${p.batches}, loss ${p.loss.toPrecision(4)}`;
  }
};
events.onerror = () => {
  if (events.readyState === EventSource.CLOSED) return;
  where.textContent = "no answer from the training";
};
