// The compiler runs beside the page, so typing never waits for it. The glue of Go's runtime comes before this file. The page passes
// the module, since a worker of a page that was opened from a file may fetch nothing.
addEventListener("unhandledrejection", ({ reason }) => { throw reason; }); // so that the page hears of it
onmessage = async ({ data }) => {
  if (data.module) {
    const go = new Go();
    go.run(await WebAssembly.instantiate(data.module, go.importObject));
    postMessage({ ready: true });
    return;
  }
  const began = performance.now();
  const answer = JSON.parse(self.meshc(JSON.stringify(data.request)));
  postMessage({ id: data.id, answer, took: performance.now() - began });
};
