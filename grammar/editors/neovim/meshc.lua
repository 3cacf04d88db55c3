-- Neovim 0.11 and later: to be added to init.lua, or put into its plugin folder.
vim.filetype.add({ extension = { mesh = "mesh" } })
vim.lsp.config("meshc", {
  cmd = { "meshc", "lsp" },
  filetypes = { "mesh", "yaml" },
  root_markers = { "meshc.yaml", ".git" },
})
vim.lsp.enable("meshc")
