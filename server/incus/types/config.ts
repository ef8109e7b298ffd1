/** Keys of Incus's configuration with their values, which are all strings. */
export type Config = Record<string, string>;

/** Devices by name; each is a set of options, one of which is its type. */
export type Devices = Record<string, Record<string, string>>;

/** A part of an instance's definition; rooms give such parts and the caller merges them. */
export interface InstanceFragment {
  config?: Config;
  devices?: Devices;
}

/** A named bundle of configuration and devices that instances can have. */
export interface Profile {
  name: string;
  description: string;
  config: Config;
  devices: Devices;
}
