/** What a runner of GitHub Actions reads in the file of GITHUB_ENV or GITHUB_OUTPUT: by its documentation and its rules. */
export function githubEnvironment(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  const lines = text.split('\n');
  for (let line = lines.shift(); line !== undefined; line = lines.shift()) {
    if (line === '') continue;
    const [equals, heredoc] = [line.indexOf('='), line.indexOf('<<')];
    if (equals > 0 && (heredoc < 0 || equals < heredoc)) {
      found[line.slice(0, equals)] = line.slice(equals + 1);
    } else {
      const end = lines.indexOf(line.slice(heredoc + 2));
      if (heredoc <= 0 || end < 0) throw new Error(`Invalid format '${line}'`);
      found[line.slice(0, heredoc)] = lines
        .splice(0, end + 1)
        .slice(0, -1)
        .join('\n');
    }
  }
  return found;
}
