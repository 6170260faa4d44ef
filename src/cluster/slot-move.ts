/** Slots that go from one primary to another, both by their names in the YAML file; ascending. */
export interface SlotMove {
  readonly from: string;
  readonly to: string;
  readonly slots: readonly number[];
}
