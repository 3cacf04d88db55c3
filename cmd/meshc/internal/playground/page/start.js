// The compiler is fetched, compiled and started while the editor of the page is still on its way. meshcStarted is the worker, once it
// answers questions.
window.meshcStarted = (async () => {
  const worker = new Worker(URL.createObjectURL(new Blob([window.meshcWorker], { type: "text/javascript" })));
  const ready = new Promise((done, failed) => {
    worker.onmessage = done;
    worker.onerror = (e) => failed(e.message);
  });
  worker.postMessage({ module: await compiler() });
  await ready;
  return worker;

  // compiler returns the module, which a server sends and a page opened from a file has as a script.
  async function compiler() {
    if (location.protocol !== "file:") return WebAssembly.compileStreaming(fetch("meshc.wasm"));
    await script("meshc.wasm.js");
    const packed = Uint8Array.from(atob(window.meshcModule), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return WebAssembly.compile(await new Response(stream).arrayBuffer());
  }

  function script(src) {
    return new Promise((done, failed) => {
      const s = document.createElement("script");
      s.src = src;
      s.onload = done;
      s.onerror = () => failed(src + " is missing");
      document.head.append(s);
    });
  }
})();
window.meshcStarted.catch(() => {}); // the page tells of it
