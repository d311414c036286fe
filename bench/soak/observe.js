// In every page of the soak: notes each row that the log is given, as its reader would see it.

(() => {
  const added = [];     // [id, text] of rows that came after the page itself
  const repeated = [];  // ids that came while their row stood there
  const here = new Set();

  const idOf = (node) => (node.nodeType === 1 && Number(node.getAttribute('data-id'))) || 0;
  const textOf = (row) => (row.querySelector('.text') || { textContent: '' }).textContent;
  const ids = (nodes) => Array.from(nodes, idOf).filter(Boolean);
  const standing = (more) => ids(document.querySelectorAll('#rows .message[data-id]' + more));

  // A replaced row is one record with both: that is an edit, no arrival.
  function note(record) {
    const gone = new Set(ids(record.removedNodes));
    gone.forEach((id) => here.delete(id));
    record.addedNodes.forEach((row) => {
      const id = idOf(row);
      if (!id) { return; }
      if (here.has(id)) { repeated.push(id); }
      here.add(id);
      if (!gone.has(id)) { added.push([id, textOf(row)]); }
    });
  }

  document.addEventListener('DOMContentLoaded', () => {
    const rows = document.getElementById('rows');
    if (!rows) { return; }
    standing('').forEach((id) => here.add(id));
    new MutationObserver((records) => records.forEach(note)).observe(rows, { childList: true });
  });

  window.soak = {
    report: () => ({ added, repeated, standing: standing(''), mine: standing('.mine') }),
  };
})();
