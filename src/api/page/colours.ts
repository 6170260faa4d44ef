/** As OKLCH has it: lightness 0 to 1, chroma, hue in degrees. */
const FIRST_HUE = 252;
/** Every further hue falls into the widest gap that the ones before have left. */
const GOLDEN_ANGLE = 137.508;
/** As many hues can be told apart; those behind them are darker, then lighter. */
const HUES = 9;
const LIGHTNESS = { light: [0.73, 0.62, 0.84], dark: [0.75, 0.63, 0.86] } as const;
const CHROMA = [0.125, 0.115, 0.085] as const;

export type Scheme = keyof typeof LIGHTNESS;

/** What is drawn on a canvas, where the style sheet doesn't reach. */
export interface Palette {
  readonly owner: (index: number) => string;
  /** Letters on an owner's colour. */
  readonly ink: string;
  /** Behind everything, and between two owners. */
  readonly ground: string;
  /** The lines over slots without an owner. */
  readonly hatch: string;
}

/** The colour of a node, by its place in the YAML file: it keeps it whatever role it has. Dark letters on it are readable. */
export function ownerColour(index: number, scheme: Scheme): string {
  const tier = Math.floor(index / HUES) % CHROMA.length;
  const hue = (FIRST_HUE + index * GOLDEN_ANGLE) % 360;
  return `oklch(${LIGHTNESS[scheme][tier] ?? 0.7} ${CHROMA[tier] ?? 0.1} ${hue.toFixed(1)})`;
}

export function paletteOf(scheme: Scheme): Palette {
  const isDark = scheme === 'dark';
  return {
    owner: (index) => ownerColour(index, scheme),
    ink: 'oklch(0.2 0.02 255)',
    ground: isDark ? 'oklch(0.205 0.012 255)' : 'oklch(0.995 0.002 255)',
    hatch: isDark ? 'oklch(0.5 0.015 255)' : 'oklch(0.62 0.015 255)',
  };
}
