-- What a person does in Neovim, with its own client. The first thing that is not as it should be ends the run.
local function fail(what)
  io.stderr:write(what .. "\n")
  vim.cmd("cquit 1")
end

local function wait(what, holds)
  if not vim.wait(20000, holds, 20) then
    fail("waited in vain for " .. what .. "\n" .. vim.inspect(vim.diagnostic.get()))
  end
end

-- Before 0.11, where do_filetype_lua has to be set, too, this stands in for how a configuration starts a server for the files of its types.
if not vim.lsp.config then
  local configured = {}
  vim.lsp.config = function(name, settings)
    configured[name] = settings
  end
  vim.lsp.enable = function(name)
    local c = configured[name]
    vim.api.nvim_create_autocmd("FileType", {
      pattern = c.filetypes,
      callback = function(event)
        local root = vim.fn.getcwd()
        for _, marker in ipairs(c.root_markers) do
          local found = vim.fn.findfile(marker, vim.fn.expand("%:p:h") .. ";")
          if found ~= "" then
            root = vim.fn.fnamemodify(found, ":p:h")
            break
          end
        end
        vim.lsp.start_client({
          name = name,
          cmd = c.cmd,
          root_dir = root,
          on_init = function(client)
            vim.lsp.buf_attach_client(event.buf, client.id)
          end,
        })
      end,
    })
  end
end
vim.cmd("luafile " .. os.getenv("CONFIGURATION"))
vim.cmd("edit")
wait("the server", function()
  return #vim.lsp.get_active_clients() == 1 and vim.lsp.buf_is_attached(0, vim.lsp.get_active_clients()[1].id)
end)

local function search(text)
  vim.cmd("normal! gg")
  if vim.fn.search(text) == 0 then
    fail("no " .. text)
  end
end

-- A mistake, and its fix taken back by hand.
search("-> backend")
vim.cmd([[s/-> backend/-> backen/]])
wait("a finding", function()
  local all = vim.diagnostic.get(0)
  return #all == 1 and all[1].code == "MESH1001"
end)
vim.cmd([[s/-> backen/-> backend/]])
wait("no finding", function()
  return #vim.diagnostic.get(0) == 0
end)

-- The name of a service leads to its statement.
search("bank.ledger")
vim.cmd("normal! 6l")
local place = vim.lsp.util.make_position_params(0, "utf-16")
local answers = vim.lsp.buf_request_sync(0, "textDocument/definition", place, 10000)
local to = answers and answers[next(answers)].result
if not to or #to ~= 1 or not to[1].uri:match("bank.mesh$") or to[1].range.start.line ~= 2 then
  fail("definition: " .. vim.inspect(answers))
end

-- Renamed in both files.
vim.lsp.buf.rename("book")
wait("the new name", function()
  return vim.fn.search("bank.book") ~= 0
end)
vim.cmd("wall")

-- Formatted.
search("frontend -> backend")
vim.cmd([[s/frontend -> backend/frontend    ->   backend/]])
vim.lsp.buf.formatting_sync({}, 10000)
if vim.fn.search("frontend -> backend") == 0 then
  fail("not formatted")
end
vim.cmd("wall")
io.stdout:write("done\n")
vim.cmd("qall!")
