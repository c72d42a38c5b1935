// Edits as models write them, and what comes of them.

export interface Edit {
  path: string;
  old: string;
  new: string;
}

/** What the model is told. */
export const FORM = `You edit code. Write each edit like this, the old lines exactly as they are in the file:
FILE path
<<<<<<< SEARCH
old lines
=======
new lines
>>>>>>> REPLACE
These are the files:`;

const EDIT = /^FILE (.+)\n<{7} SEARCH\n([^]*?)\n={7}\n([^]*?)\n?>{7} REPLACE$/gm;

export function editsIn(answer: string): Edit[] {
  return [...answer.matchAll(EDIT)].map(([, path, old, text]) => ({ path: path!.trim(), old: old!, new: text! }));
}

/** The file after the edit, or why it stays as it is. */
export function apply(edit: Edit, content: string | undefined): { content: string } | { refused: string } {
  if (content === undefined) return { refused: "there is no such file" };
  const parts = content.split(edit.old);
  if (parts.length === 1) return { refused: "its old lines are not in the file" };
  if (parts.length > 2) return { refused: "its old lines are in the file more than once" };
  return { content: parts.join(edit.new) };
}
