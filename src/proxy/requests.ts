import { isTelling, kindOf, TELLING_WORDS, type Kind } from './command.ts';
import { AGGREGATE, BULK, LINE, NOTHING, Scanner, TYPE } from './scanner.ts';

/** As long as the longest name of a command that matters, PUNSUBSCRIBE; no shorter one than EXEC does. */
const LONGEST_NAME = 12;
const SHORTEST_NAME = 4;

/** A command that was read to its end. @param word its name, in capitals; empty where it doesn't matter */
export type OnCommand = (kind: Kind, word: string, length: number) => void;

/** Finds the commands in what a client sends: lists of bulk strings, or lines of words. */
export class RequestReader {
  /** What came is no command, and Redis will say so: nothing that follows can be told apart. */
  isLost = false;
  private readonly scanner = new Scanner();
  private readonly words: string[] = [];
  private length = 0;
  private left = 0;
  private isInside = false;
  private readonly onCommand: OnCommand;

  constructor(onCommand: OnCommand) {
    this.onCommand = onCommand;
  }

  read(chunk: Buffer): void {
    const { scanner } = this;
    let at = 0;
    while (at < chunk.length && !this.isLost) {
      if (!this.isInside) {
        this.isInside = true;
        this.words.length = 0;
        if (chunk[at] !== TYPE.list) scanner.expectLine();
      }
      at = scanner.read(chunk, at);
      if (scanner.token !== NOTHING) this.take(scanner);
    }
  }

  private take(scanner: Scanner): void {
    if (this.left > 0) {
      if (scanner.token !== BULK || scanner.type !== TYPE.bulkString || scanner.count < 0) this.isLost = true;
      else this.takeWord(scanner);
    } else if (scanner.token === LINE) {
      const words = scanner.text().toUpperCase().replaceAll(/["']/g, '').trim().split(/\s+/);
      this.words.push(...words.slice(0, TELLING_WORDS));
      this.isInside = false;
      // Redis answers nothing to an empty line.
      if (words[0] !== '') this.end(words.length);
    } else if (scanner.token === AGGREGATE) {
      this.left = this.length = scanner.count;
      // Nor to an empty list.
      this.isInside = this.length > 0;
    } else this.isLost = true;
  }

  private takeWord(scanner: Scanner): void {
    const index = this.length - this.left;
    this.left -= 1;
    if (index === 0) {
      const canMatter = scanner.count >= SHORTEST_NAME && scanner.count <= LONGEST_NAME;
      const name = canMatter ? scanner.text().toUpperCase() : '';
      if (isTelling(name)) this.words.push(name);
    } else if (index < TELLING_WORDS && this.words.length > 0) {
      this.words.push(scanner.count > LONGEST_NAME ? '' : scanner.text().toUpperCase());
    }
    if (this.left > 0) return;
    this.isInside = false;
    this.end(this.length);
  }

  private end(length: number): void {
    const [word = ''] = this.words;
    this.onCommand(word === '' ? 'plain' : kindOf(this.words, length), word, length);
  }
}
