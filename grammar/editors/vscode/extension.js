// The extension starts `meshc lsp` and leaves everything else to it.
const vscode = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

function start() {
  const settings = vscode.workspace.getConfiguration("meshc");
  const environment = settings.get("environment");
  client = new LanguageClient("meshc", "meshc", {
    command: settings.get("path"),
    args: environment ? ["lsp", "--env", environment] : ["lsp"],
  }, {
    documentSelector: [{ scheme: "file", language: "mesh" }, { scheme: "file", language: "yaml" }],
  });
  return client.start().catch((trouble) => {
    vscode.window.showErrorMessage(`meshc lsp does not start: ${trouble.message}. The setting meshc.path says where meshc is.`);
  });
}

// manifests shows what the file in the editor becomes, beside it, and again after every save.
const manifests = {
  changed: new vscode.EventEmitter(),
  get onDidChange() { return this.changed.event; },
  provideTextDocumentContent: (shown) =>
    client.sendRequest("workspace/executeCommand", { command: "meshc.manifests", arguments: [decodeURIComponent(shown.query)] }),
};

function preview() {
  const source = vscode.window.activeTextEditor?.document.uri;
  if (!source) return;
  const shown = vscode.Uri.from({ scheme: "meshc", path: source.path + ".yaml", query: encodeURIComponent(source.toString()) });
  manifests.changed.fire(shown);
  return vscode.window.showTextDocument(shown, { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true, preview: true });
}

exports.activate = async (context) => {
  context.subscriptions.push(vscode.workspace.registerTextDocumentContentProvider("meshc", manifests));
  context.subscriptions.push(vscode.commands.registerCommand("meshc.preview", preview));
  context.subscriptions.push(vscode.workspace.onDidSaveTextDocument(() => {
    for (const d of vscode.workspace.textDocuments) if (d.uri.scheme === "meshc") manifests.changed.fire(d.uri);
  }));
  context.subscriptions.push(vscode.commands.registerCommand("meshc.restart", async () => {
    await client?.stop();
    await start();
  }));
  context.subscriptions.push(vscode.workspace.onDidChangeConfiguration(async (e) => {
    if (!e.affectsConfiguration("meshc")) return;
    await client?.stop();
    await start();
  }));
  await start();
};

exports.deactivate = () => client?.stop();
