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

exports.activate = async (context) => {
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
