const APPENDONLY_LINE = /^[ \t]*appendonly[ \t]+"?(yes|no)"?[ \t]*$/gim;

/** With which setting a node of this redis.conf starts; undefined where it doesn't say. The last line counts. */
export function writtenAppendonly(conf: string): boolean | undefined {
  const value = [...conf.matchAll(APPENDONLY_LINE)].at(-1)?.[1];
  return value === undefined ? undefined : value.toLowerCase() === 'yes';
}

/** The same redis.conf with another setting. */
export function withAppendonly(conf: string, appendonly: boolean): string {
  const line = `appendonly ${appendonly ? 'yes' : 'no'}`;
  return writtenAppendonly(conf) === undefined ? `${conf}\n${line}\n` : conf.replaceAll(APPENDONLY_LINE, line);
}
